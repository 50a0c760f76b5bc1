"""java.py FOLDER: prints a JAVA_HOME for Spark: the machine's own Java, or a runtime unpacked into FOLDER.

Java 17 or newer in JAVA_HOME or on PATH is used unchanged. Otherwise the first available package below is downloaded by apt
and unpacked. Nothing is installed into the system, and root is not needed.

A version of a Debian package is not pinned: the archive offers the newest security update and drops the one before it.
The pins are the names of the packages, whose major version Spark supports. apt checks a download by the signature of the
archive, and the SHA-256 of a version that the tests ran with has to be the one in TESTED.
"""

import fcntl
import hashlib
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

OLDEST = 17
# In this order: Spark 4 runs with each. Debian 12 has the first, Debian 13 the others.
PACKAGES = ("openjdk-17-jre-headless", "openjdk-21-jre-headless", "openjdk-25-jre-headless")
TESTED = {
    "openjdk-17-jre-headless_17.0.21.1+2-1~deb12u1_amd64.deb": "6bbc6940ce68e1faaefd6bb3495cfe018a96bde54e069697131b9b459b822293",
}
ADVICE = f"install Java {OLDEST} or newer and set JAVA_HOME, or run apt-get update on a Debian that has {PACKAGES[0]} or newer"


def main(folder):
    print(found() or provisioned(Path(folder).absolute()))


def found():
    """The home of the machine's own Java, if it is new enough."""
    on_path = shutil.which("java")
    homes = [os.environ.get("JAVA_HOME"), on_path and Path(on_path).resolve().parent.parent]
    return next((Path(home) for home in homes if home and (version(Path(home)) or 0) >= OLDEST), None)


def version(home):
    """The major version of a Java, or None if it does not run."""
    try:
        result = subprocess.run([home / "bin" / "java", "-version"], capture_output=True, text=True, timeout=60)
    except (OSError, subprocess.TimeoutExpired):
        return None
    # Java 8 calls itself 1.8.
    number = re.search(r'version "(?:1\.)?(\d+)', result.stderr)
    return int(number[1]) if result.returncode == 0 and number else None


def provisioned(folder):
    """The home of the runtime in the folder; one process unpacks it while others wait."""
    folder.mkdir(parents=True, exist_ok=True)
    with open(folder / "lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        home = folder / "home"
        if not home.exists():
            with tempfile.TemporaryDirectory(dir=folder) as scratch:
                unpack(download(Path(scratch)), Path(scratch)).rename(home)
        if (version(home) or 0) < OLDEST:
            raise SystemExit(f"the Java in {home} does not run, perhaps for want of a library: {ADVICE}")
        return home


def download(scratch):
    """The package file, downloaded by apt."""
    error = ""
    for package in PACKAGES:
        try:
            # apt prints a long warning that its own user can't write into the folder.
            command = ["apt-get", "download", "--quiet", "-o", "APT::Sandbox::User=root", package]
            result = subprocess.run(command, cwd=scratch, capture_output=True, text=True)
        except OSError as reason:
            raise SystemExit(f"no Java {OLDEST} or newer was found and apt-get can't be run ({reason}): {ADVICE}")
        if result.returncode == 0:
            return checked(next(scratch.glob("*.deb")))
        error = error or result.stderr.strip()
    raise SystemExit(f"no Java {OLDEST} or newer was found and apt-get download failed: {ADVICE}\n{error}")


def checked(file):
    name, digest = file.name.replace("%3a", ":"), hashlib.sha256(file.read_bytes()).hexdigest()
    if TESTED.get(name, digest) != digest:
        raise SystemExit(f"{name} has the SHA-256 {digest}, and not {TESTED[name]}: the download is not the package that was tested")
    if name not in TESTED:
        print(f"{name} is a version that the tests were not written with; apt has checked its signature", file=sys.stderr)
    return file


def unpack(file, scratch):
    """Unpacks a package and returns its JAVA_HOME, complete without the system's folders."""
    root = scratch / "root"
    try:
        subprocess.run(["dpkg-deb", "-x", file, root], check=True)
    except (OSError, subprocess.CalledProcessError) as error:
        raise SystemExit(f"{file.name} can't be unpacked ({error}): {ADVICE}")
    home = next(path for path in sorted((root / "usr/lib/jvm").iterdir()) if path.is_dir() and not path.is_symlink())
    for link in [path for path in home.rglob("*") if path.is_symlink()]:
        target = os.readlink(link)
        # The configuration is in /etc of the package.
        inside = root / target.lstrip("/")
        if target.startswith("/"):
            link.unlink()
            if inside.is_file():
                shutil.copy(inside, link)
    return home


if __name__ == "__main__":
    main(*sys.argv[1:])
