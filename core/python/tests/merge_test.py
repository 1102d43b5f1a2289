import unittest

import garage

import bundled


class MergeTest(unittest.TestCase):
    def setUp(self):
        self.registry = bundled.new_registry(self, "llama-2")
        self.folder = bundled.new_folder(self)
        self.recipe = self.folder / "recipe.yaml"
        self.recipe.write_text("slices:\n  - sources: [{model: llama-2, layer_range: [0, 3]}]\n"
                               "  - sources: [{model: llama-2, layer_range: [1, 3]}]\nmerge_method: passthrough\n")

    def test_a_merge_is_planned_and_then_written(self):
        output = self.folder / "merged"
        summary = self.registry.merge(self.recipe)
        self.assertEqual((summary.method, summary.family), ("passthrough", "llama"))
        self.assertFalse(output.exists())
        heard = []
        summary = self.registry.merge(self.recipe, output, progress=lambda done, of: heard.append((done, of)))
        self.assertEqual(heard[-1], (summary.bytes_written, summary.bytes_written))
        self.assertEqual(self.registry.register("merged", output).num_layers, 5)
        self.assertEqual(summary.to_dict()["layers"][0]["from"], summary.layers[0].from_)

    def test_what_progress_raises_ends_the_merge(self):
        def raises(done, of):
            raise ZeroDivisionError("enough")

        with self.assertRaisesRegex(ZeroDivisionError, "enough"):
            self.registry.merge(self.recipe, self.folder / "merged", progress=raises)
        self.assertFalse((self.folder / "merged").exists())

    def test_a_recipe_of_models_that_are_not_there_is_refused(self):
        self.recipe.write_text("models: [{model: nothing}]\nmerge_method: passthrough\n")
        with self.assertRaises(garage.NotFoundError):
            self.registry.merge(self.recipe)


if __name__ == "__main__":
    unittest.main()
