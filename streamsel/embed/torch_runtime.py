"""torch and torchvision, or a ModelError that says how to install them. Nothing else in streamsel imports torch."""

from __future__ import annotations

from streamsel.errors import ModelError

__all__ = ["Tensor", "move_to_device_pass", "nn", "torch", "torchvision"]

try:
    import torch
    import torchvision
    from torch import Tensor, nn
    from torch.export.passes import move_to_device_pass
except ImportError as error:
    raise ModelError(f"this needs torch: pip install 'streamsel[torch]' ({error})") from error
except (OSError, RuntimeError) as error:  # libraries that do not fit each other
    raise ModelError(f"torch does not work here, reinstall 'streamsel[torch]': {error}") from error
