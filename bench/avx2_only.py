# SPDX-License-Identifier: Apache-2.0
"""Replace CPUID by UD2 in the shared libraries under a folder, so that avx2_only.c answers for it.

Usage: avx2_only.py DIR

Instructions are found by objdump. Files are replaced, not written into: hard links elsewhere keep their content.
"""

import pathlib
import re
import subprocess
import sys

CPUID, UD2 = b"\x0f\xa2", b"\x0f\x0b"


def addresses(path):
    """Where CPUID stands, as virtual addresses."""
    text = subprocess.run(["objdump", "-d", "--no-show-raw-insn", path], capture_output=True, text=True, check=True)
    return [int(at, 16) for at in re.findall(r"^\s*([0-9a-f]+):\s+cpuid\b", text.stdout, re.MULTILINE)]


def segments(path):
    """(virtual address, offset in the file, size) of what is loaded."""
    text = subprocess.run(["readelf", "-lW", path], capture_output=True, text=True, check=True).stdout
    found = re.findall(r"^\s*LOAD\s+(0x\w+)\s+(0x\w+)\s+0x\w+\s+(0x\w+)", text, re.MULTILINE)
    return [(int(address, 16), int(offset, 16), int(size, 16)) for offset, address, size in found]


def patch(path):
    data = bytearray(path.read_bytes())
    if data[:4] != b"\x7fELF" or CPUID not in data:
        return 0
    loaded, n = segments(path), 0
    for at in addresses(path):
        for address, offset, size in loaded:
            if address <= at < address + size and data[at - address + offset : at - address + offset + 2] == CPUID:
                data[at - address + offset : at - address + offset + 2] = UD2
                n += 1
    if n:
        path.unlink()
        path.write_bytes(data)
        path.chmod(0o755)
    return n


def main():
    for path in sorted(pathlib.Path(sys.argv[1]).rglob("*.so*")):
        if path.is_file() and not path.is_symlink() and (n := patch(path)):
            print(f"{path.name}: {n}")


if __name__ == "__main__":
    main()
