# find_package(garage-sdk)
#
# What a plugin author needs: garage::sdk, and garage_add_plugin(). No LibTorch, no yaml-cpp; of Boost headers alone.
include(CMakeFindDependencyMacro)
find_dependency(Boost 1.81 CONFIG)
if(NOT TARGET garage::headers)
  include(${CMAKE_CURRENT_LIST_DIR}/../garage/garage-headers-targets.cmake)
endif()
include(${CMAKE_CURRENT_LIST_DIR}/garage-sdk-targets.cmake)
include(${CMAKE_CURRENT_LIST_DIR}/garage_add_plugin.cmake)

# garage::conformance, the checks of `garage plugin check` for a plugin's own tests: it needs the core.
find_package(garage QUIET)
if(TARGET garage::core)
  include(${CMAKE_CURRENT_LIST_DIR}/garage-conformance-targets.cmake)
endif()
