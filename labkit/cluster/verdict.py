"""What became of a run, in words: from the files that ranks, agent and launcher left."""

import json
import re
import signal
from pathlib import Path

from labkit.cluster.errors import RankError, RankTimeoutError
from labkit.cluster.folder import AGENT, RankFile, rank_files

# How torch's backends say that a peer is gone: then the peer is the story, not who noticed.
_LOST_PEER = re.compile(r"connection (closed|reset|refused)|socket closed|broken pipe", re.I)


def error_of(
    folder: Path,
    n_ranks: int,
    n_here: int,
    outcome: dict,
    timeout_s: float,
    sent: dict[tuple[int, int], int],
) -> RankError | None:
    """The error that a finished run deserves, or None when every rank came to its end.

    n_here   ranks that this machine has, of n_ranks
    sent     (attempt, rank): a signal from the notebook, of which the agent doesn't always tell
    """
    attempt = max((file.attempt for file in rank_files(folder)), default=0)
    if outcome["reason"] == "timeout":
        return _timeout(folder, n_ranks, n_here, attempt, timeout_s)
    if outcome["reason"] == "printed":
        return RankError(
            "A rank printed more than 64 MiB, so all ranks were stopped. Print less, or write to "
            "a file of your own."
        )
    if outcome["reason"] == "stopped":
        return None
    if outcome["reason"] == "silent":
        return _without_a_word(folder, n_ranks, attempt, outcome["silent_rank"])
    if not (folder / AGENT).exists():
        how = signal_name(-outcome["status"]) if outcome["status"] < 0 else "an error"
        return RankError(
            f"The agent that watches over the ranks was ended by {how}, so all ranks were stopped."
        )
    account = json.loads((folder / AGENT).read_bytes())
    error = _of_ranks(folder, n_ranks, attempt, account.get("failures", []), sent)
    if "no_hosts" in account:
        return RankError(account["no_hosts"])
    if error is None and "error" in account:
        has_begun = any(file.kind == "pid" for file in rank_files(folder))
        error = RankError(_of_agent(account["error"], has_begun))
    return error


def signal_name(number: int) -> str:
    """SIGKILL for 9, and so on."""
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


def _of_ranks(folder, n_ranks, attempt, failures, sent):
    """The rank that failed first: killed, raised, or gone without a word."""
    told = {f.rank: f for f in rank_files(folder) if f.kind == "error" and f.attempt == attempt}
    done = {f.rank for f in rank_files(folder) if f.kind == "done" and f.attempt == attempt}
    accounts = {rank: json.loads(f.within(folder).read_bytes()) for rank, f in told.items()}
    status = {failure["rank"]: failure["exitcode"] for failure in failures}
    unseen = {rank: -sent[when, rank] for when, rank in sent if when == attempt}
    unseen = {rank: code for rank, code in unseen.items() if rank not in told and rank not in done}
    status = unseen | status
    killed = [rank for rank in status if status[rank] < 0 and rank not in told]
    if killed:
        rank = killed[0]
        how = f"was killed by {signal_name(-status[rank])}"
        return RankError(
            f"Rank {rank} of {n_ranks} {how}.", rank, _last_words(folder, rank, attempt)
        )
    here = [f.rank for f in rank_files(folder) if f.kind == "pid" and f.attempt == attempt]
    silent = [rank for rank in here if rank not in told and rank not in done]
    first = min(accounts, key=lambda rank: accounts[rank]["time"], default=None)
    if first is not None and not (silent and _LOST_PEER.search(accounts[first]["what"])):
        account = accounts[first]
        what = account["what"].rstrip(".")
        return RankError(f"Rank {first} of {n_ranks} {what}.", first, account["traceback"])
    if silent:
        rank = next((rank for rank in silent if rank in status), silent[0])
        code = f" with status {status[rank]}" if rank in status else ""
        return _without_a_word(folder, n_ranks, attempt, rank, code)
    return None


def _without_a_word(folder, n_ranks, attempt, rank, code=""):
    return RankError(
        f"Rank {rank} of {n_ranks} ended without a word{code}: it neither came to its end nor "
        f"raised. Something called os._exit, a C library ended the process, or it was killed.",
        rank, _last_words(folder, rank, attempt),
    )  # fmt: skip


def _timeout(folder, n_ranks, n_here, attempt, timeout_s):
    here = [f.rank for f in rank_files(folder) if f.attempt == attempt and f.kind == "pid"]
    ended = {f.rank for f in rank_files(folder) if f.attempt == attempt and f.kind == "done"}
    places = [
        f"rank {rank}: {'had ended' if rank in ended else _where(folder, rank, attempt)}"
        for rank in sorted(here)
    ]
    if len(here) < n_here:
        ranks = "ranks" if n_here == n_ranks else "ranks of this machine"
        places.append(f"{n_here - len(here)} of {n_here} {ranks} had not even begun")
    if not here and n_here < n_ranks:
        places.append("they wait for the other hosts: has each one run its torchrun_command?")
    elif len(ended) == n_here:
        places.append("a process that one of them started had not")
    return RankTimeoutError(
        f"The ranks had not ended after {timeout_s:g} s, so all of them were stopped. Where each "
        f"one was:\n" + "\n".join(places)
    )


def _where(folder, rank, attempt):
    """The innermost lines of the program, from what faulthandler wrote."""
    stack = RankFile(rank, attempt, "stack").within(folder).read_text(errors="replace")
    frames = re.findall(r'File "(.*)", line (\d+) in (.*)', stack)
    own = [
        frame
        for frame in frames
        if not re.search(r"site-packages|/lib/python3|labkit/cluster", frame[0])
    ]
    if not own:
        return "nobody knows where"
    path, line, function = own[0]
    return f"line {line} of {Path(path).name}, in {function}"


def _last_words(folder, rank, attempt):
    """The end of what the rank wrote to stderr; of a crash, its cause and its innermost lines."""
    path = RankFile(rank, attempt, "err").within(folder)
    if not path.exists():
        return ""
    lines = path.read_text(errors="replace").strip().splitlines()
    crash = next((n for n, line in enumerate(lines) if line.startswith("Fatal Python error")), None)
    return "\n".join(lines[-12:] if crash is None else lines[crash : crash + 12])


def _of_agent(error, has_begun):
    what = "An agent of the ranks failed" if has_begun else "The ranks could not be started"
    return f"{what}: {error}"
