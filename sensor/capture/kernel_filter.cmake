# The program for the kernel and its skeleton (kernel_filter.skel.h), and the library that loads it. With
# DOWNGRD_KERNEL_FILTER=AUTO it is built where clang, bpftool and libbpf are there; ON fails without them.
set(DOWNGRD_KERNEL_FILTER AUTO CACHE STRING "Build the eBPF filter: ON, OFF, or AUTO where clang, bpftool and libbpf are")
set_property(CACHE DOWNGRD_KERNEL_FILTER PROPERTY STRINGS AUTO ON OFF)

if(NOT DOWNGRD_KERNEL_FILTER STREQUAL "OFF")
    find_program(BPF_CLANG NAMES clang)
    find_program(BPFTOOL NAMES bpftool PATHS /usr/sbin /sbin)
    pkg_check_modules(BPF IMPORTED_TARGET libbpf)
endif()
if(BPF_CLANG AND BPFTOOL AND BPF_FOUND)
    set(object ${CMAKE_CURRENT_BINARY_DIR}/kernel_filter.bpf.o)
    set(skeleton_folder ${CMAKE_CURRENT_BINARY_DIR}/skeleton)
    file(MAKE_DIRECTORY ${skeleton_folder})
    set(skeleton ${skeleton_folder}/kernel_filter.skel.h)
    set(source ${CMAKE_CURRENT_SOURCE_DIR}/kernel_filter.bpf.c)
    # -g: the layout of the maps goes into the object. The architecture's folder has asm/types.h.
    add_custom_command(OUTPUT ${object}
        COMMAND ${BPF_CLANG} -target bpf -g -O2 -Wall -Wextra -Wshadow -Werror
            -I/usr/include/${CMAKE_LIBRARY_ARCHITECTURE} -c ${source} -o ${object}
        DEPENDS ${source} ${CMAKE_CURRENT_SOURCE_DIR}/kernel_filter_map.h VERBATIM)
    # What bpftool generates is not ours to tidy.
    add_custom_command(OUTPUT ${skeleton}
        COMMAND ${CMAKE_COMMAND} -E echo "// NOLINTBEGIN" > ${skeleton}
        COMMAND ${BPFTOOL} gen skeleton ${object} name kernel_filter_bpf >> ${skeleton}
        COMMAND ${CMAKE_COMMAND} -E echo "// NOLINTEND" >> ${skeleton}
        DEPENDS ${object} VERBATIM)
    target_sources(downgrd_capture PRIVATE kernel_filter.c ${skeleton})
    target_include_directories(downgrd_capture SYSTEM PRIVATE ${skeleton_folder})
    target_link_libraries(downgrd_capture PRIVATE PkgConfig::BPF)
    set(DOWNGRD_HAS_KERNEL_FILTER TRUE PARENT_SCOPE)
elseif(DOWNGRD_KERNEL_FILTER STREQUAL "ON")
    message(FATAL_ERROR "DOWNGRD_KERNEL_FILTER=ON needs clang, bpftool and libbpf")
else()
    target_sources(downgrd_capture PRIVATE kernel_filter_none.c)
endif()
