"""Classification networks of torchvision, cut off before their classifier; nothing is ever downloaded."""

from __future__ import annotations

import difflib
import re
import warnings
from collections.abc import MutableMapping
from pathlib import Path
from typing import Any

from streamsel.embed.files import check_file
from streamsel.embed.sidecar import Recipe
from streamsel.embed.torch_runtime import nn, torch, torchvision
from streamsel.errors import ModelError

__all__ = ["cached_weights", "published_recipe", "vision_network"]

DENSENET_KEY = re.compile(r"(.*denselayer\d+\.(?:norm|conv))\.([12]\..*)")
"""Published densenet weights carry names from before the layers were renamed."""


def vision_network(name: str, weights: Path) -> nn.Module:
    """`torchvision.models` NAME with these weights, its last Linear layer replaced by nothing, in eval mode.

    What remains gives the vector that the classifier would have seen: (B, 2048) for resnet50, (B, 768) for vit_b_16.
    Weights are a state dict (or a mapping that holds one as `state_dict` or `model`) as torch saves it, read with
    `weights_only`; its classifier may have any number of classes. Raises ModelError naming what does not fit.
    """
    check_name(name)
    with warnings.catch_warnings(action="ignore"):  # two networks announce that they will be initialised otherwise
        network: Any = torchvision.models.get_model(name, weights=None)
    if hasattr(network, "transform_input"):
        network.transform_input = True  # published googlenet and inception weights expect it
    classifier = cut_classifier(name, network)
    fill(name, network, read_state(weights), classifier, weights)
    module: nn.Module = network.eval()
    return module


def check_name(name: str) -> None:
    """Raises ModelError unless torchvision has a classification network of that name."""
    known = torchvision.models.list_models(module=torchvision.models)
    if name not in known:
        near = difflib.get_close_matches(name, known, n=1)
        raise ModelError(f"torchvision has no classification network {name!r}" + (f", try {near[0]}" if near else ""))


def published_recipe(name: str) -> Recipe:
    """The preprocessing that torchvision documents for its own weights of a network."""
    check_name(name)
    preset = torchvision.models.get_model_weights(name).DEFAULT.transforms()
    side = preset.crop_size[0]
    return Recipe(name, tuple(preset.mean), tuple(preset.std), 255.0, (side, side), "NCHW")


def cached_weights(name: str) -> Path:
    """Where torch keeps torchvision's own weights once fetched; raises ModelError when they are not there."""
    check_name(name)
    url: str = torchvision.models.get_model_weights(name).DEFAULT.url
    path = Path(torch.hub.get_dir()) / "checkpoints" / url.rsplit("/", 1)[-1]
    if not path.is_file():
        raise ModelError(f"torchvision:{name} needs weights: give a file of them, or put {url} at {path}")
    return path


def cut_classifier(name: str, network: nn.Module) -> str:
    """Replace the last Linear layer by Identity; gives its name."""
    linear: list[str] = [path for path, module in network.named_modules() if isinstance(module, nn.Linear)]
    if not linear:
        raise ModelError(f"torchvision:{name} has no Linear classifier to remove: choose another network")
    network.set_submodule(linear[-1], nn.Identity())
    return linear[-1]


def read_state(path: Path) -> MutableMapping[str, Any]:
    """Name -> tensor from a file of torch.save, without running anything that it may hold."""
    try:
        found = torch.load(check_file(path), map_location="cpu", weights_only=True)
    except ModelError:
        raise
    except Exception as error:  # a damaged pickle may raise nearly anything
        raise ModelError(
            f"{path}: not a state dict, or a damaged one; give what torch.save(network.state_dict(), FILE) wrote"
        ) from error
    for key in ("state_dict", "model"):
        if isinstance(found, dict) and isinstance(found.get(key), dict):
            found = found[key]
    if not isinstance(found, dict) or not all(isinstance(value, torch.Tensor) for value in found.values()):
        raise ModelError(
            f"{path}: expected a state dict (names and tensors), found {type(found).__name__};"
            " give what torch.save(network.state_dict(), FILE) wrote"
        )
    torch.nn.modules.utils.consume_prefix_in_state_dict_if_present(found, "module.")
    return found


def fill(name: str, network: nn.Module, state: MutableMapping[str, Any], classifier: str, path: Path) -> None:
    """Load the state into the network; raises ModelError unless all but the classifier agrees."""
    for key in list(state):
        if key.startswith(classifier + "."):
            del state[key]
        elif name.startswith("densenet") and (match := DENSENET_KEY.fullmatch(key)):
            state[match[1] + match[2]] = state.pop(key)
    wanted = network.state_dict()
    counters = {key for key in wanted if key.endswith("num_batches_tracked")}  # absent from old files, unused here
    report(path, name, "lacks", wanted.keys() - state.keys() - counters)
    report(path, name, "has unknown", state.keys() - wanted.keys())
    for key in sorted(state):
        if state[key].shape != wanted[key].shape:
            raise ModelError(
                f"{path}: {key}: torchvision:{name} expects {tuple(wanted[key].shape)}, found {tuple(state[key].shape)}"
            )
    network.load_state_dict(state, strict=False)


def report(path: Path, name: str, problem: str, keys: set[str]) -> None:
    """Raises ModelError if there are such keys."""
    if keys:
        more = f" and {len(keys) - 1} more" if len(keys) > 1 else ""
        raise ModelError(
            f"{path}: these are no weights of torchvision:{name}: {problem} {min(keys)}{more}; give its own"
        )
