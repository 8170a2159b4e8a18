namespace Sluice.Resp;

/// <summary>What a server's error means, by its first word.</summary>
/// <remarks>
/// "Nothing ran" is said of an error that answers a plain command. A script may have written before one of its commands failed, and may answer with any words it likes.
/// </remarks>
public enum RespErrorKind
{
    /// <summary>A word that has no member here; see <see cref="RespServerException.Token"/>.</summary>
    Other,

    /// <summary><c>ERR</c>: the general error.</summary>
    Err,

    /// <summary><c>NOSCRIPT</c>: the script is not in the server's cache. Nothing ran.</summary>
    NoScript,

    /// <summary><c>READONLY</c>: this is a replica (now). Nothing was written.</summary>
    ReadOnly,

    /// <summary><c>LOADING</c>: the server still loads its data. Nothing ran.</summary>
    Loading,

    /// <summary><c>BUSY</c>: a script has the server to itself. Nothing ran.</summary>
    Busy,

    /// <summary><c>TRYAGAIN</c>: the keys of one command are on two servers while their slot moves. Nothing ran.</summary>
    TryAgain,

    /// <summary><c>CLUSTERDOWN</c>: the cluster serves no commands, or not for this slot. Nothing ran.</summary>
    ClusterDown,

    /// <summary><c>MASTERDOWN</c>: a replica without its primary that may not serve old data. Nothing ran.</summary>
    MasterDown,

    /// <summary><c>OOM</c>: the server's memory is full. Nothing was written by this command; a script may have written before.</summary>
    OutOfMemory,

    /// <summary><c>NOPERM</c>: the user may not do that. Nothing ran.</summary>
    NoPermission,

    /// <summary><c>WRONGPASS</c>: user or password are wrong.</summary>
    WrongPass,

    /// <summary><c>NOAUTH</c>: the connection has not authenticated. Nothing ran.</summary>
    NoAuth,

    /// <summary><c>WRONGTYPE</c>: the key holds another type.</summary>
    WrongType,

    /// <summary><c>EXECABORT</c>: the transaction had a faulty command and was discarded. Nothing ran.</summary>
    ExecAbort,

    /// <summary><c>UNKILLABLE</c>: the script has written and can't be stopped.</summary>
    Unkillable,

    /// <summary><c>MOVED</c>: the slot lives elsewhere. Nothing ran.</summary>
    Moved,

    /// <summary><c>ASK</c>: this key already lives elsewhere. Nothing ran.</summary>
    Ask,

    /// <summary><c>REDIRECT</c>: another server of the same data wants the command. Nothing ran.</summary>
    Redirect,

    /// <summary><c>CROSSSLOT</c>: the keys of one command belong to different slots. Nothing ran.</summary>
    CrossSlot,

    /// <summary><c>NOREPLICAS</c>: too few replicas are in sync to accept writes. Nothing was written.</summary>
    NoReplicas,

    /// <summary><c>MISCONF</c>: the server can't save and refuses writes. Nothing was written.</summary>
    MisConfig,

    /// <summary><c>BUSYGROUP</c>: the consumer group exists.</summary>
    BusyGroup,

    /// <summary><c>NOPROTO</c>: the server doesn't speak the protocol version that HELLO asked for.</summary>
    NoProto,
}
