namespace Sluice.Resp;

/// <summary>The server answered with an error. The connection is sound.</summary>
public sealed class RespServerException : RespException
{
    // A bulk error may be as large as a bulk string; nobody reads more than this.
    internal const int MaxTextLength = 4096;

    /// <summary>Use the constructor with the server's text.</summary>
    public RespServerException()
        : this("")
    {
    }

    /// <summary>Takes the server's words apart.</summary>
    /// <param name="text">The error as it came, without type and line break.</param>
    public RespServerException(string text)
        : this(text, null)
    {
    }

    /// <summary>Takes the server's words apart.</summary>
    /// <param name="text">The error as it came, without type and line break.</param>
    /// <param name="innerException">What led to it.</param>
    public RespServerException(string text, Exception? innerException)
        : base(text, innerException)
    {
        ArgumentNullException.ThrowIfNull(text);
        Text = text;
        int space = text.IndexOf(' ', StringComparison.Ordinal);
        Token = space < 0 ? text : text[..space];
        Kind = KindOf(Token);
        ReadOnlySpan<char> rest = space < 0 ? default : text.AsSpan(space + 1);
        if (Kind == RespErrorKind.Err)
            Unwrap(text, ref rest);
        Redirection = Kind switch
        {
            RespErrorKind.Moved or RespErrorKind.Ask => RespRedirection.Parse(rest, hasSlot: true),
            RespErrorKind.Redirect => RespRedirection.Parse(rest, hasSlot: false),
            _ => null,
        };
    }

    /// <summary>What it means. An error of a command inside a script that old servers wrap into <c>ERR Error running script</c> has the kind of the inner one where that matters for routing.</summary>
    public RespErrorKind Kind { get; private set; }

    /// <summary>The first word as it came; empty if there is none.</summary>
    public string Token { get; }

    /// <summary>The whole error as it came; cut after 4096 characters.</summary>
    public string Text { get; }

    /// <summary>Where the key lives, for <see cref="RespErrorKind.Moved"/>, <see cref="RespErrorKind.Ask"/> and <see cref="RespErrorKind.Redirect"/>; null if the error names no usable address.</summary>
    public RespRedirection? Redirection { get; }

    /// <summary>The script has to be sent in full.</summary>
    public bool IsNoScript => Kind == RespErrorKind.NoScript;

    /// <summary>Another server has to be asked.</summary>
    public bool IsRedirection => Kind is RespErrorKind.Moved or RespErrorKind.Ask or RespErrorKind.Redirect;

    /// <summary>The server is not the one that takes writes.</summary>
    public bool IsReadOnly => Kind == RespErrorKind.ReadOnly;

    /// <summary>The state of the server forbids it now and passes. A plain command did not run and may be sent again; of a script that is not known.</summary>
    public bool IsTransient => Kind is RespErrorKind.Loading or RespErrorKind.Busy or RespErrorKind.TryAgain or RespErrorKind.ClusterDown or RespErrorKind.MasterDown;

    internal static RespErrorKind KindOf(ReadOnlySpan<char> token) => token switch
    {
        "ERR" => RespErrorKind.Err,
        "NOSCRIPT" => RespErrorKind.NoScript,
        "READONLY" => RespErrorKind.ReadOnly,
        "LOADING" => RespErrorKind.Loading,
        "BUSY" => RespErrorKind.Busy,
        "TRYAGAIN" => RespErrorKind.TryAgain,
        "CLUSTERDOWN" => RespErrorKind.ClusterDown,
        "MASTERDOWN" => RespErrorKind.MasterDown,
        "OOM" => RespErrorKind.OutOfMemory,
        "NOPERM" => RespErrorKind.NoPermission,
        "WRONGPASS" => RespErrorKind.WrongPass,
        "NOAUTH" => RespErrorKind.NoAuth,
        "WRONGTYPE" => RespErrorKind.WrongType,
        "EXECABORT" => RespErrorKind.ExecAbort,
        "UNKILLABLE" => RespErrorKind.Unkillable,
        "MOVED" => RespErrorKind.Moved,
        "ASK" => RespErrorKind.Ask,
        "REDIRECT" => RespErrorKind.Redirect,
        "CROSSSLOT" => RespErrorKind.CrossSlot,
        "NOREPLICAS" => RespErrorKind.NoReplicas,
        "MISCONF" => RespErrorKind.MisConfig,
        "BUSYGROUP" => RespErrorKind.BusyGroup,
        "NOPROTO" => RespErrorKind.NoProto,
        _ => RespErrorKind.Other,
    };

    // Servers before version 7 wrap what a command inside a script answered: "ERR Error running script (call to f_...): @user_script:1: -READONLY You can't ...".
    private void Unwrap(string text, ref ReadOnlySpan<char> rest)
    {
        if (!text.StartsWith("ERR Error running script", StringComparison.Ordinal) && !text.StartsWith("ERR Error compiling", StringComparison.Ordinal))
            return;
        foreach (string inner in (ReadOnlySpan<string>)["READONLY", "MOVED", "ASK"])
        {
            int at = text.IndexOf($" -{inner} ", StringComparison.Ordinal);
            if (at < 0)
                continue;
            Kind = KindOf(inner);
            rest = text.AsSpan(at + inner.Length + 3);
            return;
        }
    }
}
