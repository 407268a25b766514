"""The loop that makes the demo's models."""

import pytest
import torch

from reset.world.models.optimise import newton_schulz

COEFFICIENTS = (3.4445, -4.775, 2.0315)  # torch.optim.Muon's defaults


@pytest.mark.parametrize("shape", [(64, 96), (96, 64)])
def test_a_gradient_becomes_nearly_orthogonal_as_in_pytorchs_own_bf16(shape):
    gradient = torch.randn(shape, generator=torch.Generator().manual_seed(0))
    ours = newton_schulz(gradient, COEFFICIENTS, 5, 1e-7)
    assert ours.shape == shape and ours.dtype == torch.float32
    values = torch.linalg.svdvals(ours)
    assert 0.5 < values.min() and values.max() < 1.3
    from torch.optim import _muon

    if (theirs := _muon._zeropower_via_newtonschulz) is not newton_schulz:
        rough = theirs(gradient, COEFFICIENTS, 5, 1e-7).float()
        assert (ours - rough).abs().max() < 0.05
