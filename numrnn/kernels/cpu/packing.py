"""Between theta and the kernels' layouts: weights into panels before a mini-batch, its gradient back after it."""

from numrnn.kernels.cpu.net import head_of, layer_of, width_of
from numrnn.kernels.cpu.simd import pack
from numrnn.kernels.jit import njit


@njit
def _source_gate(layer, position):
    """Gate in theta at a position of the input side: the GRU's r z n stand as n r z, so that n and hn frame what U and
    W share.
    """
    return (position + 2) % 3 if layer.planes > layer.gates else position


@njit
def pack_weights(net, theta):
    """Fill `net.packed` from theta."""
    packed = net.packed
    width = width_of(packed)
    for index in range(net.layers.shape[0]):
        layer = layer_of(net, index)
        D, H, HP = layer.D, layer.H, layer.HP
        padded_inputs = (D + width - 1) // width * width
        for g in range(layer.gates):
            source = _source_gate(layer, g)
            U, W = layer.theta_U + source * H * D, layer.theta_W + g * H * H
            pack(theta, U, H, D, D, 1, packed, layer.U + g * HP * D)
            pack(theta, W, H, H, H, 1, packed, layer.W + g * HP * H)
            pack(theta, W, H, H, 1, H, packed, layer.W_back + g * HP * H)
            if index > 0:
                pack(theta, U, D, H, 1, D, packed, layer.U_back + g * padded_inputs * H)
            for j in range(H):
                packed[layer.b + g * HP + j] = theta[layer.theta_b + source * H + j]
        if layer.planes > layer.gates:
            for j in range(H):
                packed[layer.b + 3 * HP + j] = theta[layer.theta_b_Wn + j]
    head = head_of(net)
    pack(theta, head.theta_V, head.K, head.H, head.H, 1, packed, head.V)
    pack(theta, head.theta_V, head.H, head.K, 1, head.H, packed, head.V_back)
    for k in range(head.K):
        packed[head.c + k] = theta[head.theta_c + k]


@njit
def _transpose(source, at, row, columns, count, out, out_at):
    """out (columns, count) = source (count, row)[:, :columns]^T, eight rows at a time: whole cache lines are read."""
    for first in range(0, columns, 8):
        for k in range(count):
            for j in range(first, min(first + 8, columns)):
                out[out_at + j * count + k] = source[at + k * row + j]


@njit
def unpack_gradient(net, gradient, flat):
    """Write the gradient of one mini-batch, in the tiles' layout, into `flat`, in theta's."""
    for index in range(net.layers.shape[0]):
        layer = layer_of(net, index)
        D, H, HP = layer.D, layer.H, layer.HP
        for g in range(layer.gates):
            source = _source_gate(layer, g)
            _transpose(gradient, layer.dU + g * D * HP, HP, H, D, flat, layer.theta_U + source * H * D)
            _transpose(gradient, layer.dW + g * H * HP, HP, H, H, flat, layer.theta_W + g * H * H)
            for j in range(H):
                flat[layer.theta_b + source * H + j] = gradient[layer.db + g * HP + j]
        if layer.planes > layer.gates:
            for j in range(H):
                flat[layer.theta_b_Wn + j] = gradient[layer.db + 3 * HP + j]
    head = head_of(net)
    for k in range(head.K):
        for j in range(head.H):
            flat[head.theta_V + k * head.H + j] = gradient[head.dV + k * head.HP + j]
        flat[head.theta_c + k] = gradient[head.dc + k]
