"""Test the interface of networks."""

import inspect

import pytest

from numrnn.network.cpu.distributed import SharedNetwork
from numrnn.network.cpu.network import CPUNetwork
from numrnn.network.cuda.encoder_decoder import CudaEncoderDecoder
from numrnn.network.cuda.network import CudaNetwork
from numrnn.network.encoder_decoder import EncoderDecoder
from numrnn.network.interface import Network

KINDS = [CPUNetwork, SharedNetwork, EncoderDecoder, CudaNetwork, CudaEncoderDecoder]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", ["train", "gradient", "loss", "pack", "reads", "resident"])
def test_networks_have_the_methods_of_the_contract_with_its_signatures(kind, name):
    assert inspect.signature(getattr(kind, name)) == inspect.signature(getattr(Network, name))


@pytest.mark.parametrize("name", ["train", "loss", "pack"])
def test_a_network_without_a_method_cannot_be_made(name):
    methods = {other: lambda self, *arguments: None for other in {"train", "loss", "pack"} - {name}}
    with pytest.raises(TypeError, match=name):
        type("Incomplete", (Network,), methods)(None, "float32", 8, 0)
