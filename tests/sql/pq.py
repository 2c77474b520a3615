"""libpq through ctypes: real connections for tests without a driver package.

Connection.query() blocks in C with the interpreter lock released, so that threads race for real.
"""
import ctypes
import ctypes.util
import json
from decimal import Decimal

_lib = ctypes.CDLL(ctypes.util.find_library("pq") or "libpq.so.5")


def _declare(name, result, *arguments):
    function = getattr(_lib, name)
    function.restype = result
    function.argtypes = arguments
    return function


_p, _s, _i = ctypes.c_void_p, ctypes.c_char_p, ctypes.c_int
_connect = _declare("PQconnectdb", _p, _s)
_status = _declare("PQstatus", _i, _p)
_error_message = _declare("PQerrorMessage", _s, _p)
_finish = _declare("PQfinish", None, _p)
_exec = _declare("PQexec", _p, _p, _s)
_exec_params = _declare("PQexecParams", _p, _p, _s, _i, _p, ctypes.POINTER(_s), _p, _p, _i)
_result_status = _declare("PQresultStatus", _i, _p)
_error_field = _declare("PQresultErrorField", _s, _p, _i)
_ntuples = _declare("PQntuples", _i, _p)
_nfields = _declare("PQnfields", _i, _p)
_fname = _declare("PQfname", _s, _p, _i)
_ftype = _declare("PQftype", ctypes.c_uint, _p, _i)
_isnull = _declare("PQgetisnull", _i, _p, _i, _i)
_value = _declare("PQgetvalue", _s, _p, _i, _i)
_clear = _declare("PQclear", None, _p)
_notice = _declare("PQsetNoticeProcessor", _p, _p, _p, _p)
_quiet = ctypes.CFUNCTYPE(None, _p, _s)(lambda _arg, _text: None)

_BAD = (5, 6, 7)  # PGRES_BAD_RESPONSE, NONFATAL_ERROR, FATAL_ERROR
_CONVERT = {
    16: lambda v: v == "t", 20: int, 21: int, 23: int, 1700: Decimal,
    114: lambda v: json.loads(v, parse_float=Decimal), 3802: lambda v: json.loads(v, parse_float=Decimal),
    2951: lambda v: [x for x in v.strip("{}").split(",") if x],
}


class Error(Exception):
    """A statement failed; .sqlstate is its five-letter code."""

    def __init__(self, sqlstate, message):
        super().__init__(f"{sqlstate}: {message}")
        self.sqlstate = sqlstate


class Connection:
    def __init__(self, dsn):
        self._conn = _connect(dsn.encode())
        if _status(self._conn) != 0:
            message = _error_message(self._conn).decode()
            self.close()
            raise Error("08001", message)
        _notice(self._conn, ctypes.cast(_quiet, _p), None)

    def close(self):
        if self._conn:
            _finish(self._conn)
            self._conn = None

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def script(self, text):
        """Runs several statements at once, without parameters or result."""
        self._take(_exec(self._conn, text.encode()))

    def query(self, sql, *params):
        """Runs one statement with $1.. parameters; returns its rows as dicts."""
        values = (_s * len(params))(*[self._text(p) for p in params])
        return self._take(_exec_params(self._conn, sql.encode(), len(params), None, values, None, None, 0))

    def row(self, sql, *params):
        """The only row of the result."""
        rows = self.query(sql, *params)
        if len(rows) != 1:
            raise AssertionError(f"{len(rows)} rows, not one: {sql}")
        return rows[0]

    def value(self, sql, *params):
        """The only column of the only row."""
        (value,) = self.row(sql, *params).values()
        return value

    @staticmethod
    def _text(value):
        if value is None:
            return None
        if isinstance(value, bool):
            return b"t" if value else b"f"
        if isinstance(value, bytes):
            return b"\\x" + value.hex().encode()
        if isinstance(value, (dict, list)):
            return json.dumps(value).encode()
        return str(value).encode()

    def _take(self, result):
        try:
            if _result_status(result) in _BAD:
                state = _error_field(result, ord("C")) or b"08006"
                text = _error_field(result, ord("M")) or _error_message(self._conn)
                raise Error(state.decode(), text.decode())
            names = [(_fname(result, c).decode(), _CONVERT.get(_ftype(result, c), str)) for c in range(_nfields(result))]
            return [
                {
                    name: None if _isnull(result, r, c) else convert(_value(result, r, c).decode())
                    for c, (name, convert) in enumerate(names)
                }
                for r in range(_ntuples(result))
            ]
        finally:
            _clear(result)
