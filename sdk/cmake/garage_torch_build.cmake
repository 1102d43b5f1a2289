# garage_torch_build(<target>): tells the target's sources which build of LibTorch they are compiled against, beyond its
# version: the hash that its zip archives and Python packages carry. The distribution's has none. Where the target is
# installed, it finds the LibTorch that it was linked with: the folder of that one's libraries stays in its run path,
# unless the linker looks there anyway.
function(garage_torch_build target)
  set(build "-")
  if(EXISTS "${TORCH_INSTALL_PREFIX}/build-hash")
    file(READ "${TORCH_INSTALL_PREFIX}/build-hash" build)
  elseif(EXISTS "${TORCH_INSTALL_PREFIX}/version.py")
    file(STRINGS "${TORCH_INSTALL_PREFIX}/version.py" line REGEX "^git_version")
    string(REGEX MATCH "[0-9a-f]+'" build "${line}")
    string(REPLACE "'" "" build "${build}")
  endif()
  string(STRIP "${build}" build)
  set_target_properties(${target} PROPERTIES INSTALL_RPATH_USE_LINK_PATH ON)
  target_compile_definitions(${target} PRIVATE "GARAGE_TORCH_BUILD=\"${build}\"")
endfunction()
