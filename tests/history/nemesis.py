"""Runs the workers of a history, freezes them for longer than a lease lasts, kills them and starts them again; writes down whom it killed when."""
import os
import random
import signal
import subprocess
import time
from pathlib import Path

N_WORKERS, N_NAMES, TTL_MS, MOST_FROZEN = 8, 20, 1000, 3


def boot_ms():
    return int(time.clock_gettime(time.CLOCK_BOOTTIME) * 1000)


class Nemesis:
    def __init__(self, program: Path, store: str, folder: Path, seed: int, seconds: float, pause_ms: int, n_names=N_NAMES, wrong=""):
        self.argv = [str(program), store, str(folder / "history.log")]
        self.log, self.errors = folder / "history.log", folder / "errors.log"
        self.chance, self.seconds, self.pause_ms, self.wrong = random.Random(seed), seconds, pause_ms, wrong
        self.n_names, self.workers, self.incarnations, self.frozen = n_names, {}, {}, {}
        self.n_kills = self.n_freezes = 0

    def start(self, i):
        self.incarnations[i] = self.incarnations.get(i, 0) + 1
        left_s = max(1, int(self.end - time.monotonic()))
        argv = [*self.argv, f"w{i}.{self.incarnations[i]}", str(self.chance.randrange(1 << 30) + 1), str(self.n_names), str(TTL_MS),
                str(self.pause_ms), str(left_s), *([self.wrong] if self.wrong else [])]
        with open(self.errors, "ab") as errors:
            self.workers[i] = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=errors, stderr=errors)

    def tell(self, line):
        fd = os.open(self.log, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        os.write(fd, line.encode())
        os.close(fd)

    def kill(self, i):
        # Told before: from here on it may be dead, and what it held free.
        self.tell(f"K w{i}.{self.incarnations[i]} {boot_ms()}\n")
        self.workers[i].kill()
        self.workers[i].wait()
        self.n_kills += 1
        self.start(i)

    def is_in_operation(self, i):
        with open(self.log, "rb") as log:
            log.seek(max(0, self.log.stat().st_size - 65536))
            lines = log.read().decode().splitlines()
        mine = [line for line in lines if line[1:].startswith(f" w{i}.{self.incarnations[i]}.")]
        return bool(mine) and mine[-1].startswith("I")

    def freeze(self, i):
        """Mostly between two operations: who is frozen inside one keeps the writers' lock, and for so long there is no history."""
        is_careful = self.chance.random() >= 0.06
        for _ in range(50):
            self.workers[i].send_signal(signal.SIGSTOP)
            time.sleep(0.005)
            if not is_careful or not self.is_in_operation(i):
                break
            self.workers[i].send_signal(signal.SIGCONT)
            time.sleep(0.01)
        else:
            return
        self.frozen[i] = time.monotonic() + self.chance.uniform(1.1, 2.2) * TTL_MS / 1000
        self.n_freezes += 1

    def thaw(self, now):
        for i in [i for i, until in self.frozen.items() if until <= now]:
            self.workers[i].send_signal(signal.SIGCONT)
            del self.frozen[i]

    def trouble(self):
        victim = self.chance.randrange(N_WORKERS)
        if victim in self.frozen:
            return
        if self.workers[victim].poll() is not None:
            self.end_early(victim)
        elif self.chance.random() < 0.5:
            self.kill(victim)
        elif len(self.frozen) < MOST_FROZEN:
            self.freeze(victim)

    def run(self):
        # The store is made before anybody is frozen while making it.
        subprocess.run([self.argv[0], self.argv[1], str(self.log.with_name("made.log")), "w0.0", "1", "20", "1000", "1", "0"], check=True)
        self.end = time.monotonic() + self.seconds
        for i in range(N_WORKERS):
            self.start(i)
        try:
            while time.monotonic() < self.end - 1.5 * TTL_MS / 1000:
                time.sleep(self.chance.uniform(0.1, 0.5))
                self.thaw(time.monotonic())
                self.trouble()
            self.thaw(float("inf"))
            for worker in self.workers.values():
                assert worker.wait(60) == 0, self.errors.read_text()[-2000:]
        finally:
            for worker in self.workers.values():
                if worker.poll() is None:
                    worker.kill()
                    worker.wait()
        return self.log.read_text().splitlines()

    def end_early(self, i):
        if self.workers[i].returncode != 0:
            raise AssertionError(f"worker {i} ended with {self.workers[i].returncode}: {self.errors.read_text()[-2000:]}")
