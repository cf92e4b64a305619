"""Damage to files: each function takes a random generator and bytes, and returns other bytes."""

import re
import struct

__all__ = ["mutate"]

NUMBER = re.compile(rb"[0-9]+")
# what a text holds in place of another number, and what an integer of some bytes may be
TEXT_NUMBERS = (b"0", b"1", b"-1", b"2147483648", b"18446744073709551616", b"9" * 400, b"1e999", b"nan", b"")
INTEGERS = (0, 1, 2, 0x7F, 0x80, 0xFF, 0x7FFF, 0xFFFF, 0x7FFFFFFF, 0xFFFFFFFF, 2**31, 2**62, 2**63, 2**64 - 1)


def mutate(random, content, *, is_text):
    """Damage a file once, or now and then two or three times.

    Parameters
    ----------
    random : random.Random
    content : bytes
        At least one byte.
    is_text : bool
        Whether numbers are written as digits.

    Returns
    -------
    content : bytes
    what : str
        The names of the mutations.
    """
    done, before = [], content
    while content == before or (content and random.random() < 0.2):
        mutation = random.choice((*MUTATIONS, *([change_digits] * 4 if is_text else [change_integer] * 2)))
        content = mutation(random, content or before)
        done.append(mutation.__name__)
    return content, ", ".join(done)


def place(random, content):
    """Draw a position anywhere, or near the ends, where formats keep their headers."""
    n = len(content)
    return random.choice((random.randrange(n), random.randrange(n), random.randrange(min(n, 200)),
                          n - 1 - random.randrange(min(n, 400))))  # fmt: skip


def block(random, content):
    """Draw the bounds of some neighbouring bytes."""
    first = place(random, content)
    return first, min(len(content), first + random.choice((1, 2, 4, 8, 30, 100, 1000)))


def flip_bit(random, content):
    at = place(random, content)
    return content[:at] + bytes([content[at] ^ (1 << random.randrange(8))]) + content[at + 1 :]


def change_byte(random, content):
    at = place(random, content)
    return content[:at] + bytes([random.randrange(256)]) + content[at + 1 :]


def change_block(random, content):
    first, last = block(random, content)
    new = random.choice((random.randbytes(last - first), bytes(last - first), b"\xff" * (last - first)))
    return content[:first] + new + content[last:]


def truncate(random, content):
    return content[: place(random, content)]


def insert(random, content):
    at = place(random, content)
    new = random.choice((random.randbytes(random.choice((1, 2, 8, 100))), b"\n", b'"', b",", b"[" * 2000, b"\0"))
    return content[:at] + new + content[at:]


def delete(random, content):
    first, last = block(random, content)
    return content[:first] + content[last:]


def repeat(random, content):
    first, last = block(random, content)
    return content[:last] + content[first:last] + content[last:]


def swap_blocks(random, content):
    (a, b), (c, d) = sorted((block(random, content), block(random, content)))
    if b > c:
        return content
    return content[:a] + content[c:d] + content[b:c] + content[a:b] + content[d:]


def change_digits(random, content):
    found = list(NUMBER.finditer(content))
    if not found:
        return change_byte(random, content)
    first, last = random.choice(found).span()
    return content[:first] + random.choice(TEXT_NUMBERS) + content[last:]


def change_integer(random, content):
    letter = random.choice("BHIQ")
    size = struct.calcsize(letter)
    at = place(random, content)
    new = struct.pack("<" + letter, random.choice(INTEGERS) % 256**size)
    return content[:at] + new + content[at + size :]


MUTATIONS = (flip_bit, change_byte, change_block, truncate, insert, delete, repeat, swap_blocks)
