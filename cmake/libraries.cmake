# Foreign libraries. Each is linked by exactly one floor (its door).
find_package(PkgConfig REQUIRED)
find_package(OpenSSL 3.0 REQUIRED)
find_package(Threads REQUIRED)
pkg_check_modules(JANSSON REQUIRED IMPORTED_TARGET jansson>=2.13)
pkg_check_modules(EXPAT REQUIRED IMPORTED_TARGET expat>=2.5)
pkg_check_modules(UV REQUIRED IMPORTED_TARGET libuv>=1.44)
pkg_check_modules(CURL REQUIRED IMPORTED_TARGET libcurl>=7.88)
pkg_check_modules(CARES REQUIRED IMPORTED_TARGET libcares>=1.18)
pkg_check_modules(SQLITE REQUIRED IMPORTED_TARGET sqlite3>=3.40)
# For a register that several hosts share; without it only SQLite is built in.
option(CHANCERY_POSTGRESQL "Build the store on PostgreSQL (libpq)" ON)
if(CHANCERY_POSTGRESQL)
    pkg_check_modules(PQ REQUIRED IMPORTED_TARGET libpq>=15)
endif()
# The HTTP face; GnuTLS only for the certificate that a client shows to it.
pkg_check_modules(MHD REQUIRED IMPORTED_TARGET libmicrohttpd>=0.9.75)
pkg_check_modules(GNUTLS REQUIRED IMPORTED_TARGET gnutls>=3.7)
pkg_check_modules(YAML REQUIRED IMPORTED_TARGET yaml-0.1)
pkg_check_modules(IDN2 REQUIRED IMPORTED_TARGET libidn2)
# Not by pkg-config: its file asks for libevent, which linking does not need.
find_path(UNBOUND_INCLUDE unbound.h REQUIRED)
find_library(UNBOUND_LIBRARY unbound REQUIRED)
add_library(unbound::unbound UNKNOWN IMPORTED)
set_target_properties(unbound::unbound PROPERTIES
    IMPORTED_LOCATION ${UNBOUND_LIBRARY} INTERFACE_INCLUDE_DIRECTORIES ${UNBOUND_INCLUDE})
pkg_check_modules(PSL REQUIRED IMPORTED_TARGET libpsl)

# Debian 12's libldns-dev ships ldns-config but no .pc file.
find_path(LDNS_INCLUDE_DIR ldns/ldns.h REQUIRED)
find_library(LDNS_LIBRARY ldns REQUIRED)
add_library(ldns::ldns INTERFACE IMPORTED)
target_include_directories(ldns::ldns INTERFACE ${LDNS_INCLUDE_DIR})
target_link_libraries(ldns::ldns INTERFACE ${LDNS_LIBRARY})
