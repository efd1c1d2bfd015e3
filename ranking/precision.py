"""The precision in which a language model is run, float32 or bfloat16: the quicker one on this machine.

A processor that can multiply bfloat16 does so at several times the speed of float32, or at half of it: that depends on
the processor, and on what a hypervisor lets through. It is measured, for no list of features tells.
"""

import functools
import time

import torch

# One layer's matrices of a small model over one batch: (tokens, size, inner size).
_SHAPE = (512, 768, 3_072)
_TRIALS = 3
# Where the two are near each other, every process of a machine shall come to the same answer.
_CLEARLY = 1.25


@functools.cache
def quicker_precision(device: torch.device) -> torch.dtype:
    """Return bfloat16, unless the device is a CPU that multiplies float32 clearly faster: measured in about .1 s."""
    if device.type != "cpu":
        return torch.bfloat16
    seconds = {dtype: _seconds_to_multiply(dtype) for dtype in (torch.bfloat16, torch.float32)}
    is_slow = seconds[torch.bfloat16] > _CLEARLY * seconds[torch.float32]
    return torch.float32 if is_slow else torch.bfloat16


@torch.inference_mode()
def _seconds_to_multiply(dtype: torch.dtype) -> float:
    """Return the shortest of a few times, the first one left out: it chooses how to multiply."""
    tokens, size, inner = _SHAPE
    left, right = torch.ones(tokens, size, dtype=dtype), torch.ones(size, inner, dtype=dtype)
    left @ right
    times = []
    for _ in range(_TRIALS):
        started = time.perf_counter()
        left @ right
        times.append(time.perf_counter() - started)
    return min(times)
