# As a part of the whole build: the package as it is imported from the build folder, its tests, where it is installed.
set(GARAGE_PYTHON_DIR ${CMAKE_INSTALL_LIBDIR}/python3/dist-packages CACHE STRING
  "Where the Python package is installed; ${Python_SITEARCH} is this Python's own folder")

# The Python files are links, so that what is edited is what runs.
set(package ${CMAKE_BINARY_DIR}/python/garage)
file(MAKE_DIRECTORY ${package})
foreach(entry IN ITEMS __init__.py _garage.pyi errors.py py.typed torch)
  file(CREATE_LINK ${CMAKE_CURRENT_SOURCE_DIR}/garage/${entry} ${package}/${entry} SYMBOLIC)
endforeach()
set_target_properties(_garage PROPERTIES LIBRARY_OUTPUT_DIRECTORY ${package})

cmake_path(ABSOLUTE_PATH GARAGE_PYTHON_DIR BASE_DIRECTORY ${CMAKE_INSTALL_PREFIX} NORMALIZE OUTPUT_VARIABLE installed)
file(RELATIVE_PATH to_library ${installed}/garage ${CMAKE_INSTALL_PREFIX}/${CMAKE_INSTALL_LIBDIR})
set_target_properties(_garage PROPERTIES INSTALL_RPATH "$ORIGIN/${to_library}")
install(TARGETS _garage LIBRARY DESTINATION ${GARAGE_PYTHON_DIR}/garage)
install(DIRECTORY garage/ DESTINATION ${GARAGE_PYTHON_DIR}/garage PATTERN __pycache__ EXCLUDE)

# A library under a sanitizer cannot be opened by a Python that is not. Two runs: a folder `torch` of tests in sys.path
# must not stand for PyTorch.
if(GARAGE_TESTS AND NOT CMAKE_CXX_FLAGS MATCHES "-fsanitize")
  set(names python python_torch)
  set(folders tests tests/torch)
  foreach(name folder IN ZIP_LISTS names folders)
    add_test(NAME ${name}
      COMMAND ${Python_EXECUTABLE} -B -m unittest discover -s ${CMAKE_CURRENT_SOURCE_DIR}/${folder} -p "*_test.py")
    set_tests_properties(${name} PROPERTIES ENVIRONMENT "PYTHONPATH=${CMAKE_BINARY_DIR}/python" TIMEOUT 1200)
  endforeach()
  # Fails where NumPy or PyTorch is not there, which it is about.
  add_test(NAME python_example COMMAND ${Python_EXECUTABLE} -B ${PROJECT_SOURCE_DIR}/../../examples/python/look_inside.py)
  set_tests_properties(python_example PROPERTIES ENVIRONMENT "PYTHONPATH=${CMAKE_BINARY_DIR}/python")
endif()
