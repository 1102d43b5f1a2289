import pickle
import shutil
import unittest

import garage
from garage import errors

import bundled


class ErrorsTest(unittest.TestCase):
    def test_each_code_has_its_class(self):
        for code in garage.Errc:
            made = errors.make(code, "no")
            self.assertIsInstance(made, garage.Error)
            self.assertEqual(made.code, code)
        self.assertEqual(len({type(errors.make(code, "")) for code in garage.Errc}), len(garage.Errc))
        self.assertIsInstance(errors.make(99, "no"), garage.InternalError)

    def test_a_folder_that_is_not_there_is_not_found(self):
        registry = bundled.new_registry(self)
        with self.assertRaisesRegex(garage.NotFoundError, "nowhere") as raised:
            registry.register("a", bundled.new_folder(self) / "nowhere")
        self.assertEqual(raised.exception.code, 6)

    def test_a_checkpoint_that_contradicts_its_config_is_corrupt(self):
        folder = bundled.new_folder(self) / "broken"
        shutil.copytree(bundled.reference("llama-3.1"), folder)
        config = (folder / "config.json").read_text()
        (folder / "config.json").write_text(config.replace('"intermediate_size": 56', '"intermediate_size": 64'))
        with self.assertRaises(garage.CorruptError) as raised:
            bundled.new_registry(self).register("a", folder)
        self.assertEqual(str(raised.exception),
                         f"{folder}: tensor 'model.layers.0.mlp.gate_proj.weight' [56, 32] gives [56, 32] for the "
                         "gate.weight of ffn_0, whose dimensions demand [64, 32]")

    def test_an_unknown_setting_is_an_invalid_argument(self):
        config = bundled.new_folder(self) / "garage.yaml"
        config.write_text("catalogue: here\n")
        with self.assertRaisesRegex(garage.InvalidArgumentError, "did you mean 'catalog'"):
            garage.Registry(config=config)

    def test_details_are_notes_of_the_error(self):
        error = errors.make(3, "nobody claims it", ["llama: no", "gpt2: no"])
        self.assertEqual(str(error), "nobody claims it")
        self.assertEqual(error.__notes__, ["llama: no", "gpt2: no"])
        self.assertEqual(pickle.loads(pickle.dumps(error)).details, error.details)


if __name__ == "__main__":
    unittest.main()
