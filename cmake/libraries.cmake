# Foreign libraries. Each is linked by exactly one floor (its door).
find_package(PkgConfig REQUIRED)
find_package(OpenSSL 3.0 REQUIRED)
find_package(Threads REQUIRED)
pkg_check_modules(JANSSON REQUIRED IMPORTED_TARGET jansson>=2.13)
pkg_check_modules(UV REQUIRED IMPORTED_TARGET libuv>=1.44)
pkg_check_modules(CURL REQUIRED IMPORTED_TARGET libcurl>=7.88)
pkg_check_modules(CARES REQUIRED IMPORTED_TARGET libcares>=1.18)
pkg_check_modules(SQLITE REQUIRED IMPORTED_TARGET sqlite3>=3.40)
pkg_check_modules(YAML REQUIRED IMPORTED_TARGET yaml-0.1)
pkg_check_modules(IDN2 REQUIRED IMPORTED_TARGET libidn2)
pkg_check_modules(PSL REQUIRED IMPORTED_TARGET libpsl)

# Debian 12's libldns-dev ships ldns-config but no .pc file.
find_path(LDNS_INCLUDE_DIR ldns/ldns.h REQUIRED)
find_library(LDNS_LIBRARY ldns REQUIRED)
add_library(ldns::ldns INTERFACE IMPORTED)
target_include_directories(ldns::ldns INTERFACE ${LDNS_INCLUDE_DIR})
target_link_libraries(ldns::ldns INTERFACE ${LDNS_LIBRARY})
