"""Limits of a CA, as a person meets them: what is left, what waits, and how to cross one on purpose."""
import pytest


@pytest.fixture
def limited(office, bind, pebble):
    office.write(bind=bind, authorities=(f"  pebble: {{directory: {pebble.url}, ca_file: {pebble.ca_file}, agree_tos: true, parallel: 1, "
                                         f"limits: {{set: 1/7d, orders: 20/1h, domain: 3/7d, kept: 0}}}}"))
    office.set("shop", ["shop.example.com"])
    office.run("init", check=0)
    office.run("renew", check=0)
    return office


def test_force_when_the_exact_set_is_used_up_then_refused_until_a_person_overrides(limited):
    told = limited.run("renew", "--force", "shop", check=4)
    assert "exact set of names (shop.example.com)" in told.err + told.out, told
    assert "1 in 7d" in told.err + told.out
    assert limited.run("issue", "shop").code == 4
    assert limited.run("renew", "--override", "because", "shop").code == 2
    first = limited.current("shop")
    limited.run("issue", "shop", "--override", "the key was seen\nby others", check=0)
    assert limited.current("shop")[1] == first[1] + 1
    (text,) = [row[0] for row in limited.sql("SELECT text FROM event WHERE event = 'limit.overridden'")]
    assert "the key was seen" in text and "\n" not in text


def test_limits_when_used_then_shown_with_what_waits(limited):
    (limited.folder / "psl.dat").write_text("// VERSION: 2026-10-01_00-00-00_UTC\n// ===BEGIN ICANN DOMAINS===\ncom\nnet\n// ===END ICANN DOMAINS===\n")
    limited.config.write_text(limited.config.read_text() + "public_suffix_list: psl.dat\n")
    for i in range(3):
        limited.set(f"more{i}", [f"more{i}.example.com"])
    assert limited.run("renew").code == 4
    shown = limited.run("limits", "--json", check=0).json()
    by_limit = {(entry["limit"], entry["of"]): entry for entry in shown["limits"]}
    domain = by_limit["domain", "example.com"]
    assert (domain["ca"], domain["used"], domain["left"], domain["rate"]) == ("pebble", 3, 0, "3 in 7d")
    assert by_limit["orders", ""]["left"] == 17
    assert by_limit["set", "shop.example.com"]["left"] == 0
    (waiting,) = shown["sets_put_off"]
    assert waiting["set"].startswith("more") and waiting["at"] == domain["next_at"]
    assert shown["public_suffix_list"]["made_at"] == "2026-10-01T00:00:00Z"
    for command in ("plan", "status"):
        assert "limit domain of pebble for example.com: 0 left of 3 in 7d" in limited.run(command, check=0).out
    planned = limited.run("plan", "--all", "--json", check=0).json()
    (line,) = [line for line in planned["plan"] if line["set"] == waiting["set"]]
    assert line["action"] == "retry" and line["at"] == waiting["at"] and "registered domain" in line["why"]
    assert planned["sets_put_off"] == shown["sets_put_off"]
    assert "example.com" in limited.run("limits", check=0).out
    assert "older than a year" not in limited.run("check").out


def test_check_when_the_suffix_list_is_old_or_none_then_it_says_so(limited):
    path = limited.folder / "psl.dat"
    path.write_text("// VERSION: 2019-10-01_00-00-00_UTC\n// ===BEGIN ICANN DOMAINS===\ncom\n// ===END ICANN DOMAINS===\n")
    limited.config.write_text(limited.config.read_text() + "public_suffix_list: psl.dat\n")
    result = limited.run("check", check=0)
    assert "older than a year (2019-10-01T00:00:00Z" in result.out + result.err
    path.write_text("<html>\n")
    result = limited.run("check", check=2)
    assert "chancery.yaml:" in result.out + result.err and "is no public suffix list" in result.out + result.err
