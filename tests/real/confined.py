"""Runs a program shut in as a systemd unit says, where no systemd runs: its filters of system calls, address families and
writable code, no capability, and nothing to be written but one folder. systemd says which calls its groups are.

Called as confined.py UNIT FOLDER COMMAND [ARGUMENT...] by unshare -rm.
"""

import ctypes
import errno
import os
import socket
import subprocess
import sys

import seccomp

UNIT, WRITABLE, *COMMAND = sys.argv[1:]
EPERM, EAFNOSUPPORT = seccomp.ERRNO(errno.EPERM), seccomp.ERRNO(errno.EAFNOSUPPORT)
LIBC, PR_CAPBSET_DROP = ctypes.CDLL(None), 24
# As <sys/mman.h>, <sys/shm.h> and <sys/socket.h> have them.
PROT_WRITE, PROT_EXEC, SHM_EXEC, HIGHEST_FAMILY = 2, 4, 0o100000, 45


def said(key):
    """What the unit says of it, a line each."""
    with open(UNIT) as unit:
        return [line.split("=", 1)[1].strip() for line in unit if line.startswith(key + "=")]


def calls(name):
    """The system calls of one of systemd's groups, or the one of that name."""
    if not name.startswith("@"):
        return {name}
    told = subprocess.run(
        ["systemd-analyze", "syscall-filter", name], check=True, capture_output=True, text=True
    )
    lines = (line.split("#")[0].strip() for line in told.stdout.splitlines()[1:])
    return set().union(*(calls(line) for line in lines if line))


def allowed():
    """A list that begins with a tilde takes away from what the one before it gave."""
    given = set()
    for line in said("SystemCallFilter"):
        names = set().union(*(calls(name) for name in line.removeprefix("~").split()))
        given = given - names if line.startswith("~") else given | names
    assert given, "the unit filters no system calls"
    # systemd always lets a service be started and ended.
    return given | calls("@default") | {"execve", "exit", "exit_group", "rt_sigreturn"}


def mount(*arguments):
    subprocess.run(["mount", *arguments], check=True)


def shut_in():
    mount("--bind", WRITABLE, WRITABLE)
    with open("/proc/self/mounts") as mounts:
        points = {line.split()[1] for line in mounts}
    for point in {"/", "/tmp"} & points:
        mount("-o", "remount,bind,ro", point)


def without_capabilities():
    """Root's own, too, are gone with the next program that is begun."""
    with open("/proc/sys/kernel/cap_last_cap") as last:
        for capability in range(int(last.read()) + 1):
            assert LIBC.prctl(PR_CAPBSET_DROP, capability, 0, 0, 0) == 0


def narrow():
    known, families = allowed(), " ".join(said("RestrictAddressFamilies")).split()
    assert families and said("MemoryDenyWriteExecute") == ["yes"]
    conditional = {"socket", "mmap", "mprotect", "pkey_mprotect", "shmat"}
    filters = seccomp.SyscallFilter(EPERM)
    for name in sorted(known - conditional):
        try:
            filters.add_rule(seccomp.ALLOW, name)
        except RuntimeError:
            pass  # of another architecture
    families = {int(getattr(socket, family)) for family in families}
    for family in range(HIGHEST_FAMILY + 1):
        action = seccomp.ALLOW if family in families else EAFNOSUPPORT
        filters.add_rule(action, "socket", seccomp.Arg(0, seccomp.EQ, family))
    for protects, argument, flag in [("mmap", 2, PROT_EXEC), ("mprotect", 2, PROT_EXEC),
                                     ("pkey_mprotect", 2, PROT_EXEC), ("shmat", 2, SHM_EXEC)]:
        filters.add_rule(seccomp.ALLOW, protects, seccomp.Arg(argument, seccomp.MASKED_EQ, flag, 0))
    # The loader maps code, which may not be written meanwhile.
    filters.add_rule(
        seccomp.ALLOW, "mmap",
        seccomp.Arg(2, seccomp.MASKED_EQ, PROT_WRITE | PROT_EXEC, PROT_EXEC),
    )
    filters.load()


assert said("CapabilityBoundingSet") == [""], "the unit leaves capabilities"
shut_in()
without_capabilities()
narrow()
os.execvp(COMMAND[0], COMMAND)
