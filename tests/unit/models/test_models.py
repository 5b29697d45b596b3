"""Models: the study's parameter count, what they map, how they are named, stored, and refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from synthem.classes import SIX
from synthem.errors import SynthemError
from synthem.models import ModelSpec, TinyUNet, build_model, count_parameters, load_model, logits, save_model
from synthem.models.machine import Machine, pick_device, training_layout, use_bfloat16
from synthem.models.prepare import prepare
from synthem.seeds import stream

SMALL = "tiny-unet:widths=4-4-8,dropout=0"


@pytest.mark.parametrize(
    ("name", "parameters"),
    [
        ("tiny-unet", 1_978_598),
        ("tiny-unet-600k", 606_142),
        ("tiny-unet-quarter", 124_670),
        ("tiny-unet-55k", 55_347),
        ("tiny-unet:widths=8-8-16-32-64", 124_670),
    ],
)
def test_parameters_with_one_channel_and_six_classes(name: str, parameters: int) -> None:
    assert count_parameters(build_model(name, 1, 6)) == parameters


def test_the_studys_unet_is_built_as_described() -> None:
    model = TinyUNet(1, 6)
    convolutions = [m for m in model.modules() if isinstance(m, nn.Conv2d)]
    assert [m.kernel_size[0] for m in convolutions].count(3) == 18
    assert [m.out_channels for m in convolutions if m.kernel_size == (2, 2)] == [128, 64, 32, 32]
    assert [type(m).__name__ for m in model.encoder[0]] == ["Conv2d", "ReLU", "BatchNorm2d"] * 2
    assert [any(isinstance(m, nn.Dropout) for m in stage) for stage in model.encoder] == [False] * 3 + [True] * 2
    assert all(m.bias is not None and not m.bias.any() for m in convolutions)
    deep = model.encoder[4][3].weight  # 256 × 256 × 3 × 3: enough values to tell the standard deviation
    assert deep.std().item() == pytest.approx((2 / (256 * 9)) ** 0.5, rel=0.01)


def test_the_2x2_convolution_pads_below_and_right() -> None:
    up = TinyUNet(1, 1, (4, 4)).up[0]
    convolution = up[2]
    assert isinstance(convolution, nn.Conv2d)
    with torch.no_grad():
        convolution.weight.zero_()
        convolution.weight[:, :, 1, 1] = 1
    found = up(torch.ones(1, 4, 2, 2))[0, 0]
    expected = torch.full((4, 4), 4.0)
    expected[-1, :] = expected[:, -1] = 0
    assert torch.equal(found, expected)


def test_plain_unet_is_tiny_unet_without_batch_norm() -> None:
    plain, tiny = (build_model(f"{name}:widths=4-4-8", 1, 6) for name in ("plain-unet", "tiny-unet"))
    assert not any(isinstance(module, torch.nn.BatchNorm2d) for module in plain.modules())
    kinds = [[type(m) for m in model.modules() if type(m) is not torch.nn.BatchNorm2d] for model in (plain, tiny)]
    assert kinds[0] == kinds[1]


@pytest.mark.parametrize("name", [SMALL, "plain-unet:widths=4-4-8", "wnet:widths=4-4-8", "smp:Unet/resnet18"])
def test_logits_have_the_shape_of_the_image_whatever_its_size(name: str) -> None:
    model = build_model(name, 1, 3).eval()
    with torch.inference_mode():
        assert logits(model, torch.rand(2, 1, 37, 51)).shape == (2, 3, 37, 51)


def test_padding_changes_nothing_where_none_is_needed() -> None:
    model = build_model(SMALL, 1, 2).eval()
    image = torch.rand(1, 1, 16, 32)
    with torch.inference_mode():
        assert torch.equal(logits(model, image), model(image))


def test_wnet_shows_the_second_network_the_image_and_the_firsts_masks() -> None:
    model = build_model("wnet:widths=4-8", 2, 3)
    one = count_parameters(build_model("tiny-unet:widths=4-8", 2, 3))
    two = count_parameters(build_model("tiny-unet:widths=4-8", 5, 3))
    assert count_parameters(model) == one + two
    first, second = model.train()(torch.rand(1, 2, 8, 8))
    assert first.shape == second.shape == (1, 3, 8, 8)
    assert model.eval()(torch.rand(1, 2, 8, 8)).shape == (1, 3, 8, 8)


def test_weights_depend_on_the_seed_and_leave_torchs_state_alone() -> None:
    before = torch.get_rng_state()
    a, b, c = (build_model(SMALL, 1, 2, seed=seed).state_dict()["head.weight"] for seed in (0, 0, 1))
    assert torch.equal(a, b)
    assert not torch.equal(a, c)
    assert torch.equal(before, torch.get_rng_state())


def test_equal_models_have_equal_specifications() -> None:
    wide = ModelSpec.parse({"name": "tiny-unet", "widths": [8, 8, 16, 32, 64], "dropout": 0.5})
    assert wide == ModelSpec.parse("tiny-unet-quarter") == ModelSpec.parse(str(wide)) == ModelSpec.parse(wide.to_json())
    assert ModelSpec.parse("tiny-unet-55k:dropout=0.1").settings["dropout"] == 0.1
    assert ModelSpec.parse("smp:Unet/resnet18:weights=imagenet").settings["weights"] == "imagenet"


@pytest.mark.parametrize(
    ("spec", "line"),
    [
        ("tiny-unett", "did you mean 'tiny-unet'"),
        ("smp", "there is none"),
        ("tiny-unet:width=8-8", "did you mean 'widths'"),
        ("tiny-unet:widths=8-x", "whole numbers joined by '-'"),
        ("tiny-unet:widths=8", "at least two widths"),
        ("tiny-unet:dropout=1", "from 0 to below 1"),
        ("tiny-unet:dropout=much", "give a number"),
        ("tiny-unet:8-8", "write name=value"),
        ("smp:Unet", "such as smp:Unet/resnet34"),
        ("smp:Unett/resnet18", "did you mean 'Unet'"),
        ("smp:Unet/resnet1", "did you mean 'resnet1"),
        ("smp:Unet/timm-gernet_l", "is one of timm's; write smp:Unet/tu-gernet_l"),
        ("smp:Unet/tu-nothing", "timm has no encoder 'nothing'"),
        ("smp:Unet/resnet18:weights=gone.safetensors", "there is no such file"),
        ("smp:Unet/resnet18:weights=nowhere", "can't be had"),
    ],
)
def test_errors_are_one_line_that_names_the_remedy(spec: str, line: str) -> None:
    with pytest.raises(SynthemError, match=line) as caught:
        build_model(spec, 1, 6)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("suffix", ["safetensors", "pt"])
def test_encoder_weights_come_from_a_file_and_fit_one_channel(tmp_path: Path, suffix: str) -> None:
    from safetensors.torch import save_file

    source = build_model("smp:Unet/resnet18", 3, 2, seed=5)
    file = tmp_path / f"encoder.{suffix}"
    state = source.encoder.state_dict()
    save_file(state, file) if suffix == "safetensors" else torch.save(state, file)
    model = build_model(f"smp:Unet/resnet18:weights={file}", 1, 2, seed=6)
    first = model.encoder.state_dict()["conv1.weight"]
    assert torch.allclose(first[:, 0], state["conv1.weight"].sum(1))
    assert torch.equal(model.encoder.state_dict()["layer1.0.conv1.weight"], state["layer1.0.conv1.weight"])
    with pytest.raises(SynthemError, match="doesn't fit the encoder"):
        build_model(f"smp:Unet/resnet34:weights={file}", 1, 2)


def test_a_stored_model_gives_the_same_logits(tmp_path: Path) -> None:
    spec = ModelSpec.parse(SMALL)
    model = build_model(spec, 1, 6, seed=3).eval()
    save_model(tmp_path / "model.safetensors", model, spec, 1, SIX, {"contrast": "clahe"})
    held = load_model(tmp_path / "model.safetensors")
    image = torch.rand(1, 1, 16, 16)
    assert torch.equal(model(image), held.model(image))
    assert (held.spec, held.channels, held.classes, held.extra) == (spec, 1, SIX, {"contrast": "clahe"})
    assert [p.name for p in tmp_path.iterdir()] == ["model.safetensors"]


@pytest.mark.parametrize("harm", ["cut", "noise", "empty", "foreign", "gone"])
def test_a_damaged_model_is_one_line(tmp_path: Path, harm: str) -> None:
    from safetensors.torch import save_file

    file = tmp_path / "model.safetensors"
    spec = ModelSpec.parse(SMALL)
    save_model(file, build_model(spec, 1, 6), spec, 1, SIX, {})
    data = file.read_bytes()
    match harm:
        case "cut":
            file.write_bytes(data[: len(data) // 2])
        case "noise":
            file.write_bytes(b"\xff" * len(data))
        case "empty":
            file.write_bytes(b"")
        case "foreign":
            save_file({"a": torch.zeros(1)}, file)
        case "gone":
            file.unlink()
    with pytest.raises(SynthemError, match=r"model\.safetensors: (is damaged|isn't a file of|there is no)") as caught:
        load_model(file)
    assert "\n" not in str(caught.value)


def test_a_full_disk_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    spec, file = ModelSpec.parse(SMALL), tmp_path / "model.safetensors"
    model = build_model(spec, 1, 6)
    save_model(file, model, spec, 1, SIX, {})
    before = file.read_bytes()

    def full(path: Path, data: bytes) -> int:
        with path.open("wb") as out:
            out.write(data[:100])
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(OSError, match="No space left"):
        save_model(file, build_model(spec, 1, 6, seed=1), spec, 1, SIX, {})
    assert [p.name for p in tmp_path.iterdir()] == ["model.safetensors"]
    assert file.read_bytes() == before


def test_devices_and_formats() -> None:
    assert pick_device("auto").type == ("cuda" if torch.cuda.is_available() else "cpu")
    assert use_bfloat16("float32", torch.device("cpu")) is False
    assert use_bfloat16("bfloat16", torch.device("cpu")) is True
    assert str(Machine(torch.device("cpu"), True)) == "cpu, bfloat16"
    with pytest.raises(SynthemError, match="device 'gpu': there is none"):
        pick_device("gpu")
    with pytest.raises(SynthemError, match="device meta: not supported"):
        pick_device("meta")
    if not torch.cuda.is_available():
        with pytest.raises(SynthemError, match="device cuda: no GPU can be used here; name auto or cpu"):
            pick_device("cuda")


def test_narrow_models_keep_the_default_layout_on_a_cpu() -> None:
    cpu = torch.device("cpu")
    assert training_layout(build_model("tiny-unet-quarter", 1, 6), cpu) == torch.contiguous_format
    assert training_layout(build_model("tiny-unet-600k", 1, 6), cpu) == torch.channels_last
    assert training_layout(build_model("tiny-unet-quarter", 1, 6), torch.device("cuda")) == torch.channels_last


def test_clahe_evens_out_contrast_and_keeps_the_shape() -> None:
    ramp = np.tile(np.linspace(100, 130, 64, dtype=np.uint8), (2, 1, 64, 1))
    found = prepare(ramp, "clahe")
    assert (found.shape, found.dtype) == (ramp.shape, np.uint8)
    assert np.ptp(found) > 1.3 * np.ptp(ramp)
    assert prepare(ramp, "none") is ramp
    with pytest.raises(SynthemError, match="did you mean 'clahe'"):
        prepare(ramp, "clah")  # type: ignore[arg-type]


def test_clahe_shows_a_window_as_the_layer_that_it_is_cut_from() -> None:
    layer = stream(0, "clahe").normal(128, 20, (1, 1, 384, 512)).clip(0, 255).astype(np.uint8)
    layer[..., 192:, :] = layer[..., 192:, :] // 2 + 100
    window = np.s_[..., 128:256, 128:256]
    apart = np.abs(prepare(layer[window], "clahe") - prepare(layer, "clahe")[window].astype(float)).mean()
    assert apart < 5
    assert np.abs(layer[window] - prepare(layer, "clahe")[window].astype(float)).mean() > 10


@pytest.mark.parametrize(
    "name",
    [
        "Unet/mit_b0",
        "UnetPlusPlus/resnet18",
        "Linknet/resnet18",
        "FPN/mobilenet_v2",
        "PSPNet/resnet18",
        "MAnet/resnet18",
    ],
)
def test_architectures_of_the_library_by_name(name: str) -> None:
    model = build_model(f"smp:{name}", 1, 2).eval()
    with torch.inference_mode():
        assert logits(model, torch.rand(1, 1, 50, 64)).shape == (1, 2, 50, 64)


ENCODERS = [
    "densenet169", "dpn92", "efficientnet-b5", "inceptionv4", "mit_b3", "mobilenet_v2", "resnet50", "resnext50_32x4d",
    "se_resnet50", "se_resnext50_32x4d", "tu-gernet_l", "tu-regnetx_064", "tu-res2net50_26w_4s", "tu-resnest50d",
    "vgg19", "xception",
]  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("encoder", ENCODERS)
def test_the_transfer_studys_encoders_by_name(encoder: str) -> None:
    model = build_model(f"smp:Unet/{encoder}", 1, 2).eval()
    with torch.inference_mode():
        assert logits(model, torch.rand(1, 1, 64, 64)).shape == (1, 2, 64, 64)
