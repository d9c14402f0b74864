#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""compare.py - the answers of one call after another under crib and under crun

With a seccomp profile of other runtimes, what a program meets under crib must be what it meets
under crun with the same profile, and so must what it meets under crun with what `crib policy
export --oci` makes of the policy. What is in the profile for which capabilities and architectures
is worked out here once more, without crib's help. differences.txt has the answers that may differ,
each with its reason; a line that is no difference fails too.

The programs `crib` and `oci_probe`, differences.txt and the tables of calls lie in the directory of
this file (tests/sandbox/apart.sh puts them there). crun needs root; an ordinary user has crib's half
alone. Exit status: 0; 1 there is a difference; 77 something to compare with is missing (a failure where
CRIB_TESTS_MUST_RUN=1).
"""
import fnmatch
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
PROFILE = "/usr/share/containers/seccomp.json"
TASK_ID = 65534
# A fixed id for all, and two sets of capabilities: what includes and excludes go by.
CAPS = {"none": [], "some": ["CAP_AUDIT_WRITE", "CAP_SYS_CHROOT", "CAP_SYS_PTRACE"]}
WAITING = {"pause", "select", "pselect6", "ppoll", "poll", "rt_sigsuspend"}
# What must come out for sure, for each of CAPS: that there was a filter, and that it looked at them.
SURE = {"none": {"chroot:0": "1", "kexec_load:0": "1", "swapon:0": "1", "socket:10,3,9": "22"},
        "some": {"chroot:0": "14", "kexec_load:0": "1", "swapon:0": "1", "socket:10,3,9": "0"}}
SIGNALS = {"SIG"}  # not tried: they reach the probe itself
ONES = 2**64 - 1


def missing(what):
    print("oci: %s: nothing to compare with" % what, file=sys.stderr)
    sys.exit(1 if os.environ.get("CRIB_TESTS_MUST_RUN") == "1" else 77)


def run(words, **more):
    done = subprocess.run(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=300,
                          check=False, **more)
    return done.returncode, done.stdout.decode(), done.stderr.decode()


# --- what is asked ---

def table(name, pattern):
    with open(os.path.join(HERE, name), encoding="utf-8") as file:
        return re.findall(pattern, file.read(), re.MULTILINE | re.DOTALL)


def calls():
    for number, name, args in table("calls.def", r"^CALL\((\d+), (\w+)(.*?)\)$"):
        yield int(number), name, re.findall(r"(?:_OF\(\w+, (\w+)\)|[UP]\w+\(\w+)", args)


def symbols():
    """The numbers that the constants of each family stand for."""
    families = {}
    for file in ("symbols.def", "symbols_files.def"):
        rows = table(file, r"^(?:SYMBOL|NEWER)\((\w+), \w+,\s+([0-9a-fA-Fx]+)[uUlL]*\)")
        for family, value in rows:
            number = int(value, 8 if re.match("0[0-7]", value) else 0)
            families.setdefault(family, set()).add(number)
    return families


def specials():
    """What the conditions of profiles are about, and what filters are tricked with."""
    for persona in (1, 0x20000, 0x20008, 0x40000, 0x400000, 0x100000008, 0x1ffffffff):
        yield "personality:%x" % persona, "%x" % 135, [persona]
    for domain in list(range(48)) + [0x100000010, 0x100000001]:
        for kind in (1, 2, 3, 5, 0x80001):
            for protocol in (0, 1, 9, 0x100000009):
                name = "socket:%x,%x,%x" % (domain, kind, protocol)
                yield name, "%x" % 41, [domain, kind, protocol]
    for number in (471, 500, 1023, 0x7fffffff, 0xffffffff):
        yield "unknown:%d" % number, "%x" % number, []
    for number in (39, 102, 512):
        yield "x32:%d" % number, "%x" % (0x40000000 + number), []
    yield "i386:getpid", "i386:14", []


def asked():
    families = symbols()
    for number, name, args in calls():
        ms = 500 if name in WAITING else 20000
        rows = [(name + ":0", [0] * 6), (name + ":f", [ONES] * 6)]
        for at, family in enumerate(args):
            for value in sorted(families.get(family, ())) if family not in SIGNALS else ():
                row = [0] * 6
                row[at] = value
                rows.append(("%s:%d=%x" % (name, at, value), row))
        for ident, row in rows:
            yield ident, ms, "%x" % number, row
    for ident, number, row in specials():
        yield ident, 20000, number, row


def answers(text):
    return dict(line.split(" ", 1) for line in text.splitlines())


# --- a profile as crun wants it ---

def applies(rule, caps):
    with_, without = rule.get("includes") or {}, rule.get("excludes") or {}
    if with_.get("arches") and "amd64" not in with_["arches"]:
        return False
    if not all(cap in caps for cap in with_.get("caps", [])):
        return False
    return not ("amd64" in without.get("arches", [])
                or any(cap in caps for cap in without.get("caps", [])))


def resolved(profile, caps):
    ret = {"defaultAction": profile["defaultAction"], "syscalls": [],
           "architectures": ["SCMP_ARCH_X86_64", "SCMP_ARCH_X86", "SCMP_ARCH_X32"]}
    if "defaultErrnoRet" in profile:
        ret["defaultErrnoRet"] = profile["defaultErrnoRet"]
    for rule in profile["syscalls"]:
        if applies(rule, caps):
            kept = ("names", "action", "errnoRet", "args")
            ret["syscalls"].append({key: rule[key] for key in kept if rule.get(key) is not None})
    return ret


def config(seccomp, caps):
    ids = [{"containerID": TASK_ID, "hostID": TASK_ID, "size": 1}]
    sets = ("bounding", "effective", "inheritable", "permitted", "ambient")
    spaces = ("pid", "ipc", "uts", "mount", "network", "cgroup", "user")
    return {
        "ociVersion": "1.0.0",
        "process": {"user": {"uid": TASK_ID, "gid": TASK_ID}, "args": ["/probe"], "env": [],
                    "cwd": "/", "noNewPrivileges": True, "capabilities": {s: caps for s in sets}},
        "root": {"path": "rootfs", "readonly": True},
        "hostname": "crun",
        "mounts": [{"destination": "/proc", "type": "proc", "source": "proc"},
                   {"destination": "/dev", "type": "tmpfs", "source": "tmpfs",
                    "options": ["nosuid", "mode=755"]}],
        "linux": {"namespaces": [{"type": space} for space in spaces], "uidMappings": ids,
                  "gidMappings": ids, "seccomp": seccomp},
    }


# crun refuses hosts with both kinds of control groups: the second kind is hidden from it.
HIDE = """awk '/ - cgroup2 / { print $5 }' /proc/self/mountinfo | while read -r at; do
    if grep -q ' - cgroup ' /proc/self/mountinfo; then umount "$at"; fi
done
exec "$@" </dev/stdin"""


def under_crun(place, probe, seccomp, caps, text):
    bundle = tempfile.mkdtemp(dir=place)
    for name in ("rootfs/proc", "rootfs/dev", "rootfs/sys"):
        os.makedirs(os.path.join(bundle, name))
    for name in (bundle, os.path.join(bundle, "rootfs")):
        os.chmod(name, 0o755)
    shutil.copy(probe, os.path.join(bundle, "rootfs/probe"))
    os.chmod(os.path.join(bundle, "rootfs/probe"), 0o755)
    with open(os.path.join(bundle, "config.json"), "w", encoding="utf-8") as file:
        json.dump(config(seccomp, caps), file)
    name = "crib-oci-%d-%s" % (os.getpid(), os.path.basename(bundle))
    words = ["unshare", "-m", "--propagation", "private", "sh", "-c", HIDE, "sh", "crun", "--root",
             os.path.join(bundle, "state"), "--cgroup-manager=disabled", "run", "-b", bundle, name]
    status, out, err = run(words, input=text.encode())
    if status != 0:
        sys.exit("oci: crun ended with %d: %s" % (status, err))
    return answers(out)


def under_crib(crib, probe, policy, text):
    status, out, err = run([crib, "run", "-q", "-p", policy, probe], input=text.encode())
    if status != 0:
        sys.exit("oci: crib ended with %d: %s" % (status, err))
    return answers(out)


# --- what differs, and why ---

class Listed:
    """Lines of `WHICH ID CRIB CRUN: reason`, each a glob but the reason; `_` for a space."""

    def __init__(self):
        self.rows = []
        with open(os.path.join(HERE, "differences.txt"), encoding="utf-8") as file:
            for number, line in enumerate(file, 1):
                line = line.strip()
                if not line or line.startswith("#"):
                    continue
                found = re.fullmatch(r"(\S+) (\S+) (\S+) (\S+): (\S.*)", line)
                if not found:
                    sys.exit("differences.txt:%d: not `WHICH ID CRIB CRUN: reason`" % number)
                self.rows.append([number, found.groups()[:4], False])

    def has(self, *texts):
        for row in self.rows:
            if all(fnmatch.fnmatchcase(text.replace(" ", "_"), glob)
                   for text, glob in zip(texts, row[1])):
                row[2] = True
                return True
        return False

    def stale(self):
        return [row for row in self.rows if not row[2]]


def compare(which, crib, crun, listed):
    wrong = 0
    if crib.keys() != crun.keys():
        sys.exit("oci: %s: some calls were not answered" % which)
    for ident, answer in crib.items():
        if answer != crun[ident] and not listed.has(which, ident, answer, crun[ident]):
            print("%s %s %s %s" % (which, ident, answer.replace(" ", "_"),
                                   crun[ident].replace(" ", "_")))
            wrong += 1
    return wrong


def exported(crib, policy):
    status, out, err = run([crib, "policy", "export", "--oci", policy])
    if status != 0:
        sys.exit("oci: the policy cannot be exported: %s" % err)
    return json.loads(out)


def write_policy(place, profile, name, caps):
    path = os.path.join(place, name + ".yaml")
    with open(path, "w", encoding="utf-8") as file:
        file.write("mounts: [{type: proc, target: /proc}]\ncaps: {keep: [%s]}\n"
                   "syscalls: {profile: '%s'}\n" % (", ".join(caps), profile))
    return path


def check_sure(name, inside):
    for ident, answer in SURE[name].items():
        if inside[ident] != answer:
            sys.exit("oci: %s: %s gave %s, not %s" % (name, ident, inside[ident], answer))


def main(crib, probe, profile):
    if not os.path.exists(profile):
        missing(profile)
    listed, wrong = Listed(), 0
    text = "".join("%s %d %s %s\n" % (ident, ms, number, " ".join("%x" % arg for arg in row))
                   for ident, ms, number, row in asked())
    with open(profile, encoding="utf-8") as file:
        rules = json.load(file)
    with tempfile.TemporaryDirectory(prefix="crib-oci-") as place:
        os.chmod(place, 0o755)
        for name, caps in CAPS.items():
            policy = write_policy(place, profile, name, caps)
            status, _, err = run([crib, "policy", "check", policy])
            if status != 0:
                sys.exit("oci: the profile is refused: %s" % err)
            export = exported(crib, policy)
            inside = under_crib(crib, probe, policy, text)
            check_sure(name, inside)
            if os.getuid() != 0:
                continue
            if not shutil.which("crun"):
                missing("crun")
            crun = under_crun(place, probe, resolved(rules, caps), caps, text)
            wrong += compare("profile/" + name, inside, crun, listed)
            crun = under_crun(place, probe, export, caps, text)
            wrong += compare("export/" + name, inside, crun, listed)
            print("oci: %s: %d calls" % (name, len(inside)), file=sys.stderr)
    if os.getuid() == 0:
        for number, _, _ in listed.stale():
            print("differences.txt:%d: is no difference" % number)
            wrong += 1
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(os.path.join(HERE, "crib"), os.path.join(HERE, "oci_probe"), PROFILE))
