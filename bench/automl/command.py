"""Runs the commands that the benchmarks of `fit` measure."""
import subprocess


class Failed(Exception):
    """A run that gave nothing to compare."""


def call(*arguments, timeout=None):
    """What a command prints; Failed, with its error, where it does not succeed."""
    words = [str(argument) for argument in arguments]
    try:
        done = subprocess.run(words, capture_output=True, text=True, timeout=timeout, check=False)
    except subprocess.TimeoutExpired as late:
        raise Failed(f"{' '.join(words[:2])} did not end within {late.timeout:.0f} s") from late
    if done.returncode != 0:
        lines = [line for line in done.stderr.splitlines() if line.startswith("merlon: error")]
        raise Failed(f"{' '.join(words[:2])} ended with {done.returncode}: "
                     f"{(lines or ['no message'])[0]}")
    return done.stdout
