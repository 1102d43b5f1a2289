# find_package(garage [COMPONENTS nn])
#
# Gives garage::core, and with the component nn also garage::nn, which needs LibTorch.
include(CMakeFindDependencyMacro)
find_dependency(Boost 1.81 CONFIG COMPONENTS json)
include(${CMAKE_CURRENT_LIST_DIR}/garage-targets.cmake)

if("nn" IN_LIST garage_FIND_COMPONENTS)
  if(EXISTS ${CMAKE_CURRENT_LIST_DIR}/garage-nn-targets.cmake)
    find_dependency(Torch)
    include(${CMAKE_CURRENT_LIST_DIR}/garage-nn-targets.cmake)
    set(garage_nn_FOUND TRUE)
  elseif(garage_FIND_REQUIRED_nn)
    set(garage_FOUND FALSE)
    set(garage_NOT_FOUND_MESSAGE "this garage was built without LibTorch (GARAGE_NN)")
  endif()
endif()
