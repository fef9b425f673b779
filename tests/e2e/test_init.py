"""`dragoman init`: a deployment to start from, and its next three commands."""
import re
import shlex
import stat

import pytest

from harness.relay import ROOT, run

EXAMPLES = sorted(p.parent.name
                  for p in (ROOT / "examples").glob("*/dragoman.yaml"))


def test_alone_it_lists_every_example_with_its_title():
    done = run("init")
    assert done.returncode == 0
    for name in EXAMPLES:
        title = (ROOT / "examples" / name / "README.md").read_text(
            encoding="utf-8").split("\n")[0]
        assert re.search(rf"^  {re.escape(name)} +{re.escape(title[2:])}$",
                         done.stdout, re.M), done.stdout


@pytest.mark.parametrize("name", EXAMPLES)
def test_the_next_commands_work_as_printed(tmp_path, name):
    done = run("init", name, tmp_path / "site")
    assert done.returncode == 0, done.stderr
    commands = re.findall(r"^  dragoman (.*)$", done.stdout, re.M)
    assert 2 <= len(commands) <= 3, done.stdout
    for command in commands:
        then = run(*shlex.split(command), stdin="Kanari-init-4kT!\n")
        assert then.returncode == 0, command + "\n" + then.stderr
    assert "good" in then.stdout
    has_secrets = any((tmp_path / "site").glob("*.secret"))
    assert ("placeholder" in then.stderr) == has_secrets


def test_what_is_private_is_made_private_and_the_rest_is_the_example(tmp_path):
    site = tmp_path / "site"
    run("init", EXAMPLES[0], site)
    source = ROOT / "examples" / EXAMPLES[0]
    for path in site.iterdir():
        if (source / path.name).exists():
            assert path.read_bytes() == (source / path.name).read_bytes()
        else:
            assert stat.S_IMODE(path.stat().st_mode) == 0o600, path


def test_nothing_is_written_over(tmp_path):
    (tmp_path / "mine").write_text("mine", encoding="utf-8")
    done = run("init", EXAMPLES[0], tmp_path)
    assert done.returncode == 1
    assert "is not empty" in done.stderr
    assert [p.name for p in tmp_path.iterdir()] == ["mine"]


def test_a_wrong_name_is_told_with_the_near_one(tmp_path):
    done = run("init", EXAMPLES[0][:-1] + "x", tmp_path / "x")
    assert done.returncode == 2
    assert f'did you mean "{EXAMPLES[0]}"?' in done.stderr
    assert not (tmp_path / "x").exists()
    assert run("init", EXAMPLES[0]).returncode == 2
