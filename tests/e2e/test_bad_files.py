"""Files that are not what they should be, given to everything that reads files: a clear sentence, what was read until then is kept, memory
stays bounded, nothing crashes (issue of the analysis: bad input)."""
import gzip
import os
import pathlib
import random
import re
import resource
import shutil
import subprocess
import threading

import pytest

from reprise import BIN, SANITIZED, Answer, environment

DATA_BYTES = 48 << 20  # heap and private mappings: an allocation beyond ends the program by SIGABRT
READERS = {
    "log": ["analyze", "--log", "{}"],
    "import": ["import", "log", "--dry-run", "{}"],
    "export": ["export", "--log", "{}"],
    "csv": ["analyze", "--failed", "status=failed", "--csv", "{}"],
    "templates": ["analyze", "--templates", "{}"],
    "classes": ["analyze", "--classes", "{}"],
}
TEXT = {"import": "log", "export": "log", "templates": "log"}


def text_of(reader, n=4000):
    kind = TEXT.get(reader, reader)
    if kind == "csv":
        return "kind,status\n" + "".join(f"k{i % 2},{'failed' if i % 4 == 0 else 'ok'}\n" for i in range(n))
    if kind == "classes":
        return "".join(f'{{"message":"connect ECONNREFUSED 10.0.{i % 250}.{i // 250}:5432"}}\n' for i in range(n))
    lines = []
    for i in range(n):
        at = f"2026-11-23T{i // 3600:02d}:{i // 60 % 60:02d}:{i % 60:02d}Z [sync] job {i}"
        lines += [f"{at} started\n", f"{at} " + ("failed: connect ECONNREFUSED 10.0.0.1:5432\n" if i % 4 == 0 else "finished\n")]
    return "".join(lines)


def size_of(reader, answer):
    """How much was kept: runs, rows or lines of the answer."""
    if reader in ("templates", "classes", "export"):
        return answer.out.count("\n")
    found = re.search(r"([\d,]+) runs", answer.out)
    return int(found[1].replace(",", "")) if found else 0


def bounded():
    resource.setrlimit(resource.RLIMIT_DATA, (DATA_BYTES, DATA_BYTES))


def read(reader, path, stdin=subprocess.DEVNULL):
    """The answer of a program that has no more memory than it should need."""
    done = subprocess.run([BIN, *(a.replace("{}", str(path)) for a in READERS[reader])], stdin=stdin, capture_output=True,
                          env=environment(), timeout=120, check=False, preexec_fn=None if SANITIZED else bounded)
    answer = Answer(done.returncode, done.stdout.decode(errors="replace"), done.stderr.decode(errors="replace"))
    assert answer.code in (0, 1, 2), (answer.code, answer.err[-2000:])
    assert len(answer.err) < 1500 and all(c == "\n" or c >= " " for c in answer.err), answer.err[:300]
    return answer


@pytest.fixture(params=READERS)
def reader(request):
    return request.param


def test_a_packed_file_that_breaks_off_is_read_as_far_as_it_goes(reader, tmp_path):
    text = text_of(reader, 60000 if reader == "csv" else 8000).encode()
    whole = size_of(reader, read(reader, file(tmp_path / "whole", text)))
    packed = {"gz": gzip.compress(text)}
    if shutil.which("zstd"):  # blocks of 128 kB: what is in whole ones is read
        packed["zst"] = subprocess.run(["zstd", "-q", "-c"], input=text, stdout=subprocess.PIPE, check=True).stdout
    for kind, data in packed.items():
        for cut in (data[:len(data) * 3 // 4], data[:-1]):
            torn = read(reader, file(tmp_path / f"torn.{kind}", cut))
            assert torn.code == 1 and "its end is missing" in " ".join(torn.err.split()) and f"torn.{kind}" in torn.err, torn.err
            assert whole // 4 < size_of(reader, torn) <= whole, (kind, len(cut))
        for seed in range(8):  # noise unpacks to other noise for a while: what is said is the damage, not what the noise looked like
            broken = data[:len(data) * 3 // 4] + random.Random(seed).randbytes(len(data) // 4)
            bad = read(reader, file(tmp_path / f"bad.{kind}", broken))
            assert bad.code in (1, 2) and "cannot be unpacked" in " ".join(bad.err.split()), (seed, bad.err)
    with open(tmp_path / "torn.gz", "rb") as piped:
        again = read(reader, "-", stdin=piped)
    assert again.code == 1 and "standard input cannot be unpacked as gzip" in " ".join(again.err.split()) and size_of(reader, again) > whole // 4


def file(path, data):
    pathlib.Path(path).write_bytes(data)
    return path


def test_a_line_of_100_MB_takes_no_memory_and_what_came_before_is_kept(reader, tmp_path):
    lines = text_of(reader).splitlines(True)
    half, path = len(lines) // 2, tmp_path / "long"
    with open(path, "w") as f:
        f.writelines(lines[:half])
        for _ in range(100):
            f.write("x" * 1_000_000)
        f.write("\n")
        f.writelines(lines[half:])
    whole = size_of(reader, read(reader, file(tmp_path / "whole", "".join(lines).encode())))
    long = read(reader, path)
    if reader in ("csv", "classes"):  # a table, or JSON, has no meaning any more behind it
        assert long.code == 1 and re.search(r"20\d\d: .*(longer than|more than)", long.err.replace("\n", " ")), long.err
        assert size_of(reader, long) >= whole // 2 - 1
    else:
        assert long.code == 0 and size_of(reader, long) >= whole
        assert reader == "templates" or "longer than 65536 bytes" in " ".join(long.err.split())


def test_mixed_encodings_marks_and_line_ends_lose_no_other_line(reader, tmp_path):
    lines = text_of(reader).splitlines(True)
    whole = size_of(reader, read(reader, file(tmp_path / "whole", "".join(lines).encode())))
    for name, data in {"no line feed at the end": "".join(lines).encode()[:-1], "CRLF": "".join(lines).replace("\n", "\r\n").encode(),
                       "byte order mark": b"\xef\xbb\xbf" + "".join(lines).encode()}.items():
        got = read(reader, file(tmp_path / "odd", data))
        assert got.code == 0 and size_of(reader, got) == whole, (name, got.err)
        assert "\ufeff" not in got.out, name
    foreign = "Grüße größer\n".encode("latin-1") + "Grüße\n".encode("utf-16") + b"\x00\xff\xfe\x80 abc\n"
    got = read(reader, file(tmp_path / "mixed", "".join(lines[:100]).encode() + foreign + "".join(lines[100:]).encode()))
    if reader == "classes":
        assert got.code in (1, 2) and "mixed:101" in got.err and size_of(reader, got) == 100, "each line in has one line out: it stops there"
    else:
        assert got.code == 0 and whole <= size_of(reader, got) <= whole + 4


def test_what_is_no_text_at_all_is_refused_in_a_sentence(reader, tmp_path):
    sentences = {"binary": random.Random(3).randbytes(1_000_000), "zeros": bytes(20_000_000),
                 "UTF-16": text_of(reader).encode("utf-16"), "UTF-16 ": text_of(reader).encode("utf-16-be")}
    sentences["UTF-16 "] = b"\xfe\xff" + sentences["UTF-16 "]
    for name, data in sentences.items():
        got = read(reader, file(tmp_path / "strange", data))
        assert got.code == 2 and got.out == "", (name, got.out[:100])
        assert ("binary file" if name in ("binary", "zeros") else "UTF-16, which is not read") in " ".join(got.err.split()), (name, got.err)
        assert "→" in got.err, "what to do next"


def test_nothing_a_folder_and_what_cannot_be_read_are_said(reader, tmp_path):
    empty = read(reader, file(tmp_path / "nothing", b""))
    assert "empty" in empty.err and empty.out == "" and empty.code in (0, 2)
    blank = read(reader, file(tmp_path / "blank", b"\n" * 1000))
    assert blank.code == 0 or blank.err
    for path, words in ((tmp_path, "Is a directory"), (tmp_path / "gone", "No such file or directory"), ("/proc/self/mem", "Input/output error")):
        got = read(reader, path)
        assert got.code == 1 and got.out == "" and words in " ".join(got.err.split()) and str(path) in got.err, got.err
    with open(os.devnull, "rb") as nothing:
        assert "empty" in read(reader, "-", stdin=nothing).err


def test_a_pipe_with_a_name_and_standard_input_are_read_like_a_file(reader, tmp_path):
    text = text_of(reader).encode()
    whole = size_of(reader, read(reader, file(tmp_path / "whole", text)))
    os.mkfifo(tmp_path / "fifo")
    writer = threading.Thread(target=lambda: (tmp_path / "fifo").write_bytes(text), daemon=True)
    writer.start()
    got = read(reader, tmp_path / "fifo")
    writer.join(30)
    assert not writer.is_alive() and got.code == 0 and size_of(reader, got) == whole
    with open(tmp_path / "whole", "rb") as piped:
        assert size_of(reader, read(reader, "-", stdin=piped)) == whole


@pytest.mark.parametrize("reader", ["log", "import"], indirect=True)
def test_a_clock_that_went_back_is_said_and_costs_no_run(reader, tmp_path):
    text = ("2026-11-23T05:00:00Z [sync] job 1 started\n2026-11-23T04:59:00Z [sync] job 1 failed: boom\n"
            "2026-11-23T04:00:00Z [sync] job 2 started\n2026-11-23T04:00:05Z [sync] job 2 finished\n"
            "1969-12-31T23:00:00Z [sync] job 3 started\n9999-12-31T23:00:00Z [sync] job 3 failed: x\n"
            "2026-13-45T99:99:99Z [sync] job 4 started\n")
    got = read(reader, file(tmp_path / "back.log", text.encode()))
    assert got.code == 0 and "3 runs" in got.out and "1 run ends before it began: the clock was set back" in got.out.replace("\n ", "")
