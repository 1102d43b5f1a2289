import importlib.util
import subprocess
import sys
import unittest

import bundled


@unittest.skipUnless(importlib.util.find_spec("torch") and importlib.util.find_spec("numpy"),
                     "NumPy or PyTorch is not there")
class ExampleTest(unittest.TestCase):
    def test_the_page_runs_from_the_first_line_to_the_last(self):
        done = subprocess.run([sys.executable, bundled.REPOSITORY / "examples" / "python" / "look_inside.py"],
                              capture_output=True, text=True)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertIn("ffn_1 gave (1, 5, 32)", done.stdout)
        self.assertIn("still here: (32, 32)", done.stdout)


if __name__ == "__main__":
    unittest.main()
