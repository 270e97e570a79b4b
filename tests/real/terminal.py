"""Somebody at a terminal: runs a command on one, waits for a question and types the answer.

Usage: terminal.py QUESTION ANSWER COMMAND…
"""

import os
import pty
import signal
import sys


def main():
    question, answer, command = sys.argv[1].encode(), sys.argv[2].encode(), sys.argv[3:]
    child, terminal = pty.fork()
    if child == 0:
        os.execvp(command[0], command)
    signal.alarm(100)
    said, answered = b"", False
    while True:
        try:
            read = os.read(terminal, 65536)
        except OSError:
            # So Linux says that the other end is closed.
            read = b""
        if not read:
            break
        os.write(sys.stderr.fileno(), read)
        said += read
        if question in said and not answered:
            answered = True
            os.write(terminal, answer + b"\n")
    sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))


main()
