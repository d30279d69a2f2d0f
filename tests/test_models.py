import gc
import random

import keras
import numpy as np
import pytest

from kaug import build_fashion_cnn, build_vgg19


@pytest.fixture(autouse=True, scope="module")
def what_others_made_is_not_looked_at():
    """Keras looks for garbage whenever a session is cleared: here, among what is made here."""
    gc.freeze()
    yield
    gc.unfreeze()


@pytest.fixture(autouse=True)
def clear_session():
    yield
    keras.backend.clear_session()


@pytest.fixture
def batch():
    return np.random.default_rng(0).random((4, 28, 28, 1), dtype="float32")


def predict(model, x):
    return keras.ops.convert_to_numpy(model(x, training=False))


def randomise_biases(model):
    # Keras starts biases at zero, which would hide a bias that is not loaded.
    rng = np.random.default_rng(0)
    for weight in model.weights:
        if weight.name == "bias":
            weight.assign(rng.normal(size=weight.shape))


class TestFashionCnn:
    def test_is_the_tutorials_network(self):
        model = build_fashion_cnn()
        counts = [layer.count_params() for layer in model.layers if layer.count_params()]
        assert counts == [320, 36_992, 295_168, 4_719_104, 131_328, 2_570]
        assert model.count_params() == 5_185_482
        kinds = "Conv2D MaxPooling2D Dropout Conv2D Conv2D MaxPooling2D Dropout Flatten"
        kinds += " Dense Dropout Dense Dropout Dense"
        assert [type(layer).__name__ for layer in model.layers] == kinds.split()

    def test_paddings_activations_and_rates(self):
        layers = build_fashion_cnn(dropout=0.3).layers
        convolutions = [layer for layer in layers if isinstance(layer, keras.layers.Conv2D)]
        assert [layer.padding for layer in convolutions] == ["same", "same", "valid"]
        assert [layer.output.shape[1:3] for layer in convolutions] == [
            (28,) * 2,
            (14,) * 2,
            (12,) * 2,
        ]
        activations = [a.activation.__name__ for a in layers if hasattr(a, "activation")]
        assert activations == ["relu"] * 5 + ["softmax"]
        rates = [layer.rate for layer in layers if isinstance(layer, keras.layers.Dropout)]
        assert rates == [0.3] * 4

    def test_is_compiled_as_in_the_tutorial_and_learns(self, batch):
        random.seed(0)  # what Keras seeds its initializers from
        model = build_fashion_cnn(dropout=0)
        assert isinstance(model.optimizer, keras.optimizers.Adam)
        assert model.loss == "sparse_categorical_crossentropy"
        history = model.fit(batch, np.arange(4), epochs=12, verbose=0).history
        assert set(history) == {"loss", "acc"}
        assert history["loss"][-1] < 0.5 * history["loss"][0]

    def test_uncompiled(self):
        assert not build_fashion_cnn(compile=False).compiled

    @pytest.mark.parametrize("shape", [(8, 8, 1), (9, 31, 3), [12, 8, 4]])
    def test_other_inputs(self, shape):
        model = build_fashion_cnn(input_shape=shape, num_classes=3, compile=False)
        probabilities = predict(model, np.ones((2, *shape), "float32"))
        assert probabilities.shape == (2, 3)
        np.testing.assert_allclose(probabilities.sum(axis=1), 1, rtol=1e-5)

    def test_save_and_load(self, batch, tmp_path):
        model = build_fashion_cnn(compile=False)
        model.save(tmp_path / "cnn.keras")
        loaded = keras.models.load_model(tmp_path / "cnn.keras")
        np.testing.assert_array_equal(predict(loaded, batch), predict(model, batch))

    def test_softmax_stays_float32_in_mixed_precision(self, batch):
        before = keras.config.dtype_policy()
        keras.config.set_dtype_policy("mixed_bfloat16")
        try:
            model = build_fashion_cnn(compile=False)
            assert model.layers[0].compute_dtype == "bfloat16"
            assert predict(model, batch).dtype == np.float32
        finally:
            keras.config.set_dtype_policy(before)

    def test_same_seed_same_weights(self):
        def kernels(seed):
            random.seed(seed)
            return build_fashion_cnn(compile=False).get_weights()[0]

        np.testing.assert_array_equal(kernels(1), kernels(1))
        assert not np.array_equal(kernels(1), kernels(2))


class TestVgg19:
    def test_is_sixteen_convolutions_and_three_dense_layers(self, batch):
        model = build_vgg19()
        assert model.count_params() == 38_947_914
        filters = [
            layer.filters for layer in model.layers if isinstance(layer, keras.layers.Conv2D)
        ]
        assert filters == [64] * 2 + [128] * 2 + [256] * 4 + [512] * 8
        units = [layer.units for layer in model.layers if isinstance(layer, keras.layers.Dense)]
        assert units == [4096, 4096, 10]
        assert model.compiled
        probabilities = predict(model, batch)
        assert probabilities.shape == (4, 10)
        np.testing.assert_allclose(probabilities.sum(axis=1), 1, rtol=1e-5)

    @pytest.mark.parametrize(
        ("shape", "size"),
        [
            ((28, 28, 1), (32, 32)),
            ((14, 28, 1), (32, 64)),
            ((50, 20, 3), (80, 32)),
            ((32, 47, 3), (32, 47)),
            ((1, 1, 1), (32, 32)),
        ],
    )
    def test_input_is_enlarged_only_where_it_is_too_small(self, shape, size):
        model = build_vgg19(input_shape=shape, compile=False)
        assert model.get_layer("block1_conv1").input.shape == (None, *size, 3)

    @pytest.mark.parametrize("channels", [1, 3])
    def test_pixels_reach_the_convolutions_as_in_training(self, channels):
        model = build_vgg19(input_shape=(33, 40, channels), compile=False)
        inner = keras.Model(model.input, model.get_layer("block1_conv1").input)
        x = np.random.default_rng(0).random((2, 33, 40, channels), dtype="float32")
        rgb = np.broadcast_to(x, (2, 33, 40, 3)) * 255
        expected = keras.applications.vgg19.preprocess_input(rgb.copy())
        np.testing.assert_allclose(predict(inner, x), expected, atol=1e-4)

    def test_whole_model_and_its_weights_come_back(self, tmp_path):
        path = tmp_path / "vgg.keras"
        model = build_vgg19(input_shape=(20, 24, 3), compile=False)
        randomise_biases(model)
        model.save(path)
        x = np.random.default_rng(0).random((1, 20, 24, 3), dtype="float32")
        expected = predict(model, x)
        np.testing.assert_array_equal(predict(keras.models.load_model(path), x), expected)
        again = build_vgg19(input_shape=(20, 24, 3), weights=path, compile=False)
        np.testing.assert_array_equal(predict(again, x), expected)
        with pytest.raises(ValueError, match=r"same input_shape and num_classes.*vgg\.keras"):
            build_vgg19(input_shape=(20, 24, 3), num_classes=7, weights=path)

    def test_keras_own_file_fills_the_convolutions_only(self, tmp_path, monkeypatch):
        path = tmp_path / "vgg19_notop.h5"
        published = keras.applications.VGG19(
            include_top=False, weights=None, input_shape=(32, 32, 3)
        )
        randomise_biases(published)
        published.save(path)  # the old format, which Keras' published weights have
        wanted = published.get_weights()
        # What "imagenet" would have downloaded.
        monkeypatch.setattr("keras.src.utils.file_utils.get_file", lambda *a, **k: str(path))
        for weights in (str(path), "imagenet"):
            model = build_vgg19(num_classes=3, weights=weights, compile=False)
            for got, want in zip(model.get_weights(), wanted, strict=False):
                np.testing.assert_array_equal(got, want)
            assert model.output_shape == (None, 3)

    def test_imagenet_without_a_connection(self, monkeypatch):
        def fail(*args, **kwargs):
            raise Exception("URL fetch failure")

        monkeypatch.setattr("keras.src.utils.file_utils.get_file", fail)
        with pytest.raises(OSError, match=r"Received: .*URL fetch failure.*notop\.h5"):
            build_vgg19(weights="imagenet")

    def test_errors_that_are_not_about_weights_stay_what_they_are(self, monkeypatch):
        def fail(*args, **kwargs):
            raise MemoryError("no room")

        monkeypatch.setattr(keras.applications, "VGG19", fail)
        with pytest.raises(MemoryError, match=r"^no room$"):
            build_vgg19()

    @pytest.mark.parametrize("name", ["a.weights.h5", "a.h5", "a.keras"])
    def test_damaged_weights(self, tmp_path, name):
        (tmp_path / name).write_bytes(b"\x89HDF\r\n\x1a\n" + bytes(100))
        with pytest.raises(ValueError, match=rf"Received: weights='.*{name}', which is damaged"):
            build_vgg19(weights=tmp_path / name)

    def test_weights_file_of_an_unknown_kind(self, tmp_path):
        (tmp_path / "a.pkl").write_bytes(b"x")
        with pytest.raises(ValueError, match=r"must end in .*\.h5.*Received: .*a\.pkl.*Write one"):
            build_vgg19(weights=tmp_path / "a.pkl")

    @pytest.mark.parametrize(
        ("options", "error", "text"),
        [
            ({"weights": 5}, TypeError, r"`weights` must be a path\. Received: weights=5"),
            ({"weights": ""}, ValueError, "`weights` must be a path, neither empty nor with"),
            ({"weights": "a\0.h5"}, ValueError, "`weights` must be a path, neither empty nor"),
            ({"weights": "~nobody-of-this-name/a.h5"}, FileNotFoundError, "Check the path"),
            ({"compile": "no"}, TypeError, "`compile` must be True or False"),
        ],
    )
    def test_arguments_that_are_none(self, options, error, text):
        with pytest.raises(error, match=text):
            build_vgg19(**options)

    def test_missing_weights_file(self):
        with pytest.raises(FileNotFoundError, match=r'"imagenet" or an existing.*no/such\.h5'):
            build_vgg19(weights="no/such.h5")


BOTH = [build_fashion_cnn, build_vgg19]


@pytest.mark.parametrize("build", BOTH)
@pytest.mark.parametrize(
    ("options", "kind", "parts"),
    [
        ({"input_shape": (28, 28)}, ValueError, ["`input_shape` must be three", "(28, 28)"]),
        ({"input_shape": (5, 28, 28, 1)}, ValueError, ["three positive", "(5, 28, 28, 1)"]),
        ({"input_shape": 28}, ValueError, ["three positive", "28", "(28, 28, 1)"]),
        ({"input_shape": (28, None, 1)}, TypeError, ["input_shape[1]", "None", "three positive"]),
        ({"input_shape": (28, 28.0, 1)}, TypeError, ["input_shape[1]", "28.0"]),
        ({"input_shape": (28, 28, 0)}, ValueError, ["input_shape[2]", "at least 1", "=0"]),
        ({"input_shape": (-8, 28, 1)}, ValueError, ["input_shape[0]", "=-8"]),
        ({"num_classes": 1}, ValueError, ["`num_classes`", "at least 2", "=1", "softmax"]),
        ({"num_classes": 0}, ValueError, ["`num_classes`", "at least 2", "=0"]),
        ({"num_classes": 10.0}, TypeError, ["`num_classes` must be an integer", "10.0"]),
        ({"num_classes": True}, TypeError, ["`num_classes` must be an integer", "True"]),
        ({"num_classes": "ten"}, TypeError, ["`num_classes` must be an integer", "'ten'"]),
    ],
)
def test_bad_input(build, options, kind, parts):
    check_message(build, options, kind, parts)


@pytest.mark.parametrize(
    ("build", "options", "kind", "parts"),
    [
        (BOTH[0], {"input_shape": (7, 28, 1)}, ValueError, ["at least 8 × 8", "(7, 28, 1)"]),
        (BOTH[0], {"dropout": 1}, ValueError, ["`dropout`", "[0, 1)", "dropout=1", "Pass 0.5"]),
        (BOTH[0], {"dropout": -0.1}, ValueError, ["[0, 1)", "dropout=-0.1"]),
        (BOTH[0], {"dropout": float("nan")}, ValueError, ["[0, 1)", "nan"]),
        (BOTH[0], {"dropout": None}, TypeError, ["`dropout` must be a number", "None"]),
        (BOTH[0], {"dropout": True}, TypeError, ["`dropout` must be a number", "True"]),
        (BOTH[1], {"input_shape": (28, 28, 4)}, ValueError, ["1 or 3 channels", "alpha"]),
        (BOTH[1], {"input_shape": (1, 28, 28)}, ValueError, ["1 or 3 channels", "last"]),
    ],
)
def test_bad_input_of_one(build, options, kind, parts):
    check_message(build, options, kind, parts)


def check_message(build, options, kind, parts):
    with pytest.raises(kind) as caught:
        build(**options)
    for part in ["Received: ", *parts]:
        assert part in str(caught.value)


@pytest.mark.parametrize("build", BOTH)
def test_options_are_keyword_only(build):
    with pytest.raises(TypeError, match="positional"):
        build((28, 28, 1))
