"""Warp intrinsics: by whom they are executed, what their masks name, and whose values they read."""

import numpy as np
import pytest

from labkit.simt import cuda, sanitize

ALL = 0xFFFFFFFF


def findings(kernel, *args, grid=1, block=32):
    return sanitize(cuda.jit(kernel)[grid, block], *args)


def kinds(kernel, *args, **where):
    return {one.kind for one in findings(kernel, *args, **where)}


def outs():
    return np.zeros(128, np.int64)


# Right


def half_warps_apart(out):
    t = cuda.threadIdx.x
    if t % 32 < 16:
        out[t] = cuda.shfl_xor_sync(0xFFFF, t, 1)
    else:
        out[t] = cuda.shfl_xor_sync(0xFFFF0000, t, 1)


def half_warps_by_their_masks(out):
    t = cuda.threadIdx.x
    mask = 0xFFFF if t % 32 < 16 else 0xFFFF0000
    out[t] = cuda.shfl_xor_sync(mask, t, 8) + cuda.popc(cuda.ballot_sync(mask, t % 2))


def those_who_are_here(out):
    t = cuda.threadIdx.x
    if t % 32 % 3 == 0:
        mask = cuda.activemask()
        out[t] = cuda.shfl_sync(mask, t, 0) + cuda.any_sync(mask, t == 3)


def whole_warps_of_a_block(out):
    t = cuda.threadIdx.x
    if t < 32:
        v = t
        for k in range(5):
            v += cuda.shfl_down_sync(0xFFFFFFFF, v, 16 >> k)
        cuda.syncwarp()
        out[t] = v


def after_others_have_returned(out):
    t = cuda.threadIdx.x
    if t >= 8:
        return
    out[t] = cuda.ballot_sync(0xFFFFFFFF, t < 3)
    cuda.syncwarp()


def groups_by_value(out):
    t = cuda.threadIdx.x
    peers = cuda.match_any_sync(0xFFFFFFFF, t // 4)
    out[t] = cuda.shfl_sync(peers, t, t // 4 * 4)


@pytest.mark.parametrize(
    "kernel",
    [
        half_warps_apart,
        half_warps_by_their_masks,
        those_who_are_here,
        whole_warps_of_a_block,
        after_others_have_returned,
        groups_by_value,
    ],
    ids=lambda k: k.__name__,
)
@pytest.mark.parametrize("block", [32, 96])
def test_right_masks_are_left_alone(kernel, block):
    assert findings(kernel, outs(), block=block) == []


# Who comes


def some_lanes_only(out):
    if cuda.threadIdx.x < 16:
        out[cuda.threadIdx.x] = cuda.shfl_down_sync(0xFFFFFFFF, cuda.threadIdx.x, 1)


def a_vote_in_a_branch(out):
    if cuda.threadIdx.x % 2:
        out[cuda.threadIdx.x] = cuda.ballot_sync(0xFFFFFFFF, cuda.threadIdx.x < 9)


def a_match_in_a_branch(out):
    if cuda.threadIdx.x % 2:
        out[cuda.threadIdx.x] = cuda.match_any_sync(0xFFFFFFFF, cuda.threadIdx.x)


def a_warp_barrier_in_a_branch(out):
    if cuda.threadIdx.x > 3:
        cuda.syncwarp()


def a_loop_that_lanes_leave_early(out):
    t = cuda.threadIdx.x
    for _ in range(t % 4 + 1):
        out[t] += cuda.shfl_sync(0xFFFFFFFF, t, 0)


def two_arms(out):
    t = cuda.threadIdx.x
    if t < 16:
        out[t] = cuda.shfl_xor_sync(0xFFFFFFFF, t, 1)
    else:
        out[t] = cuda.shfl_xor_sync(0xFFFFFFFF, t, 1)


def not_named_by_itself(out):
    out[cuda.threadIdx.x] = cuda.ballot_sync(0xFFFF, cuda.threadIdx.x < 9)


def masks_that_differ(out):
    t = cuda.threadIdx.x
    mask = 0xFFFFFFFF if t < 16 else 0xFFFF0000
    out[t] = cuda.all_sync(mask, t >= 0)


DIVERGENT = (
    some_lanes_only, a_vote_in_a_branch, a_match_in_a_branch, a_warp_barrier_in_a_branch,
    a_loop_that_lanes_leave_early, two_arms, not_named_by_itself, masks_that_differ,
)  # fmt: skip


@pytest.mark.parametrize("kernel", DIVERGENT, ids=lambda k: k.__name__)
@pytest.mark.parametrize("block", [32, 64])
def test_other_lanes_than_the_mask_names_are_found(kernel, block):
    assert "divergent-warp" in kinds(kernel, outs(), block=block)


def test_the_finding_names_line_and_lanes():
    (found,) = findings(some_lanes_only, outs(), grid=3)
    line = some_lanes_only.__code__.co_firstlineno + 2
    assert (found.kind, found.lines) == ("divergent-warp", (line,))
    assert found.threads == ((0, 0), (16, 0))
    assert "the mask that thread 0 of block 0 gives to shfl_down_sync names thread 16" in (
        found.sentence
    )


# Whose values


def beyond_the_mask(out):
    t = cuda.threadIdx.x
    if t < 8:
        out[t] = cuda.shfl_down_sync(0xFF, t, 4)


def of_a_lane_that_has_returned(out):
    t = cuda.threadIdx.x
    if t == 5:
        return
    out[t] = cuda.shfl_sync(0xFFFFFFFF, t, 5)


def of_a_lane_that_does_not_exist(out):
    t = cuda.threadIdx.x
    out[t] = cuda.shfl_down_sync(0xFFFFFFFF, t, 8)


@pytest.mark.parametrize(
    ("kernel", "block"),
    [
        (beyond_the_mask, 32),
        (of_a_lane_that_has_returned, 32),
        (of_a_lane_that_does_not_exist, 40),
    ],
)
def test_a_value_of_a_lane_that_takes_no_part_is_found(kernel, block):
    (found,) = findings(kernel, outs(), block=block)
    assert found.kind == "absent-lane"
    assert "takes no part" in found.sentence


def test_such_a_value_is_the_reader_s_own():
    out = outs()
    cuda.jit(beyond_the_mask)[1, 32](out)
    assert out[:8].tolist() == [4, 5, 6, 7, 4, 5, 6, 7]


def test_a_mask_says_who_votes():
    out = outs()
    cuda.jit(half_warps_by_their_masks)[1, 32](out)
    assert out[:32].tolist() == [(t ^ 8) + 8 for t in range(32)]


# What a warp shares


def shared_without_a_warp_barrier(out):
    s, t = cuda.shared.array(32, cuda.int64), cuda.threadIdx.x
    s[t] = t
    out[t] = s[31 - t]


def a_shuffle_is_no_barrier(out):
    s, t = cuda.shared.array(32, cuda.int64), cuda.threadIdx.x
    s[t] = t
    out[t] = cuda.shfl_xor_sync(0xFFFFFFFF, t, 1)
    out[t] += s[31 - t]


def a_barrier_of_half_the_lanes(out):
    s, t = cuda.shared.array(32, cuda.int64), cuda.threadIdx.x
    s[t] = t
    if t < 16:
        cuda.syncwarp(0xFFFF)
    out[t] = s[31 - t]


def with_a_warp_barrier(out):
    s, t = cuda.shared.array(32, cuda.int64), cuda.threadIdx.x
    s[t] = t
    cuda.syncwarp()
    out[t] = s[31 - t]


@pytest.mark.parametrize(
    ("kernel", "expected"),
    [
        (shared_without_a_warp_barrier, {"race"}),
        (a_shuffle_is_no_barrier, {"race"}),
        (a_barrier_of_half_the_lanes, {"race"}),
        (with_a_warp_barrier, set()),
    ],
)
def test_lanes_that_share_memory_need_a_warp_barrier(kernel, expected):
    assert kinds(kernel, outs()) == expected
