"""What the arguments of the builders mean, in a few words, for the schema of study files."""

from __future__ import annotations

WORDS = {
    "units": "units of each hidden layer",
    "filters": "channels of each convolution",
    "kernel_size": "side of the convolutions' kernels, in pixels",
    "pool_after": "the convolutions, counted from 1, after which the image is halved",
    "dense": "units of each dense layer between the convolutions and the output, or the latents",
    "activation": "the nonlinearity after each hidden layer",
    "dropout": "share of units that are dropped after each dense layer while training",
    "conv_dropout": "share of channels that are dropped after each pooling while training",
    "flatten_dropout": "share of features that are dropped behind the convolutions while training",
    "batch_norm": "normalize the layers' outputs by the statistics of batches",
    "dense_norm": "normalize the output of the first dense layer as well",
    "head": "how convolutions reach the dense layers (cnn), or units of the hidden layers on the encoder",
    "head_dropout": "share of units that are dropped in the head while training",
    "head_norm": "normalize what the head is given, which a head on frozen latents needs",
    "split_heads": "dense layers of its own for each head of a target design that has several",
    "initializer": "how weights begin; torch leaves each layer as torch makes it",
    "pooling": "average or max",
    "cut": "how far the encoder goes: to its latents, its last dense layer or its convolutions",
    "variational": "the encoder is a variational autoencoder's",
    "latents": "numbers that an image is encoded in, or made from",
    "blocks": "residual blocks after each convolution",
    "decoder": "mirror: transposed convolutions; resize: enlarge and convolve; single: one transposed convolution",
    "width": "channels of the largest feature maps",
    "average": "decay of the generator's EMA weights; images then come from the EMA generator",
    "spectral_norm": "bound the discriminator's layers by their spectral norm, in place of batch normalization",
    "conditional": "tell both nets the class of each image, so that a trained run draws any class asked for",
}
