"""Results: rows of figures, most with a bar and whether it is met; as text for people, as JSON for others."""


def text_of(value):
    if value is None:
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "NO"
    if isinstance(value, float):
        return f"{value:.0f}" if abs(value) >= 1000 else f"{value:.1f}" if abs(value) >= 100 else f"{value:.2f}"
    return str(value)


class Table:
    """`columns` maps the key of a figure to its heading. A row is a dict; "bar" and "met" come last."""

    def __init__(self, part, title, columns, notes=()):
        self.part, self.title, self.notes = part, title, list(notes)
        self.columns = dict(columns, bar="bar", met="met")
        self.rows = []

    def add(self, bar=None, met=None, **figures):
        self.rows.append(dict(figures, bar=bar, met=met))

    def as_json(self):
        return {"part": self.part, "title": self.title, "notes": self.notes,
                "rows": [{key: round(v, 4) if isinstance(v, float) else v for key, v in row.items()} for row in self.rows]}

    def as_text(self):
        shown = [key for key in self.columns if any(row.get(key) is not None for row in self.rows)]
        cells = [[self.columns[key] for key in shown]] + [[text_of(row.get(key)) for key in shown] for row in self.rows]
        widths = [max(len(line[i]) for line in cells) for i in range(len(shown))]
        left = {i for i, key in enumerate(shown) if any(isinstance(row.get(key), str) for row in self.rows)}
        lines = [f"== {self.part}: {self.title}"]
        for line in cells:
            lines.append("  ".join(c.ljust(w) if i in left else c.rjust(w) for i, (c, w) in enumerate(zip(line, widths))).rstrip())
        return "\n".join(lines + [f"   {note}" for note in self.notes])
