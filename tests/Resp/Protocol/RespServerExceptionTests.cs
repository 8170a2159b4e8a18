using Xunit;

namespace Sluice.Resp.Tests.Protocol;

/// <summary>What a server's error means is decided by its words, which servers and proxies don't always choose well.</summary>
public sealed class RespServerExceptionTests
{
    [Theory]
    [InlineData("ERR unknown command", RespErrorKind.Err)]
    [InlineData("NOSCRIPT No matching script. Please use EVAL.", RespErrorKind.NoScript)]
    [InlineData("READONLY You can't write against a read only replica.", RespErrorKind.ReadOnly)]
    [InlineData("LOADING Redis is loading the dataset in memory", RespErrorKind.Loading)]
    [InlineData("BUSY Redis is busy running a script.", RespErrorKind.Busy)]
    [InlineData("TRYAGAIN Multiple keys request during rehashing of slot", RespErrorKind.TryAgain)]
    [InlineData("CLUSTERDOWN The cluster is down", RespErrorKind.ClusterDown)]
    [InlineData("MASTERDOWN Link with MASTER is down", RespErrorKind.MasterDown)]
    [InlineData("OOM command not allowed when used memory > 'maxmemory'.", RespErrorKind.OutOfMemory)]
    [InlineData("NOPERM this user has no permissions", RespErrorKind.NoPermission)]
    [InlineData("WRONGPASS invalid username-password pair", RespErrorKind.WrongPass)]
    [InlineData("NOAUTH Authentication required.", RespErrorKind.NoAuth)]
    [InlineData("WRONGTYPE Operation against a key", RespErrorKind.WrongType)]
    [InlineData("EXECABORT Transaction discarded", RespErrorKind.ExecAbort)]
    [InlineData("UNKILLABLE Sorry the script already executed", RespErrorKind.Unkillable)]
    [InlineData("CROSSSLOT Keys in request don't hash to the same slot", RespErrorKind.CrossSlot)]
    [InlineData("NOREPLICAS Not enough good replicas to write.", RespErrorKind.NoReplicas)]
    [InlineData("MISCONF Redis is configured to save RDB snapshots", RespErrorKind.MisConfig)]
    [InlineData("BUSYGROUP Consumer Group name already exists", RespErrorKind.BusyGroup)]
    [InlineData("NOPROTO unsupported protocol version", RespErrorKind.NoProto)]
    [InlineData("MOVED 1 a:1", RespErrorKind.Moved)]
    [InlineData("ASK 1 a:1", RespErrorKind.Ask)]
    [InlineData("REDIRECT a:1", RespErrorKind.Redirect)]
    [InlineData("SOMETHING new", RespErrorKind.Other)]
    [InlineData("noscript lower", RespErrorKind.Other)]
    [InlineData("BUSYKEY Target key name already exists.", RespErrorKind.Other)]
    [InlineData("NOSCRIPT", RespErrorKind.NoScript)]
    [InlineData("", RespErrorKind.Other)]
    [InlineData(" ", RespErrorKind.Other)]
    public void The_first_word_is_the_kind(string text, RespErrorKind kind)
    {
        RespServerException error = new(text);
        Assert.Equal(kind, error.Kind);
        Assert.Equal(text, error.Text);
        Assert.Equal(text.Split(' ')[0], error.Token);
        Assert.Equal(kind is RespErrorKind.NoScript, error.IsNoScript);
        Assert.Equal(kind is RespErrorKind.Moved or RespErrorKind.Ask or RespErrorKind.Redirect, error.IsRedirection);
    }

    [Theory]
    [InlineData("MOVED 3999 127.0.0.1:6381", 3999, "127.0.0.1", 6381)]
    [InlineData("MOVED 3999 :6381", 3999, "", 6381)]
    [InlineData("MOVED 3999 ::1:6381", 3999, "::1", 6381)]
    [InlineData("MOVED 3999 [::1]:6381", 3999, "::1", 6381)]
    [InlineData("MOVED 0 host.example:65535", 0, "host.example", 65535)]
    [InlineData("MOVED 16383 h:1 extra words", 16383, "h", 1)]
    [InlineData("ASK 3999  h:6381", 3999, "h", 6381)]
    [InlineData("REDIRECT 127.0.0.1:6381", -1, "127.0.0.1", 6381)]
    public void A_redirection_says_where(string text, int slot, string host, int port) =>
        Assert.Equal(new RespRedirection(slot, host, port), new RespServerException(text).Redirection);

    // To follow these would be to connect anywhere.
    [Theory]
    [InlineData("MOVED")]
    [InlineData("MOVED ")]
    [InlineData("MOVED 3999")]
    [InlineData("MOVED 3999 ")]
    [InlineData("MOVED 1 ?:0")]
    [InlineData("MOVED 1 ?:6379")]
    [InlineData("MOVED 1 h:0")]
    [InlineData("MOVED 1 h:")]
    [InlineData("MOVED 1 h")]
    [InlineData("MOVED 1 h:65536")]
    [InlineData("MOVED 1 h:-1")]
    [InlineData("MOVED 1 h:99999999999999999999")]
    [InlineData("MOVED 16384 h:1")]
    [InlineData("MOVED -1 h:1")]
    [InlineData("MOVED x h:1")]
    [InlineData("REDIRECT")]
    [InlineData("ERR h:1")]
    public void A_redirection_to_nowhere_is_none(string text) => Assert.Null(new RespServerException(text).Redirection);

    // Servers before version 7 wrap what a command inside a script answered.
    [Theory]
    [InlineData("ERR Error running script (call to f_1): @user_script:1: @user_script: 1: -READONLY You can't write against a read only replica.", RespErrorKind.ReadOnly)]
    [InlineData("ERR Error running script (call to f_1): @user_script:1: -MOVED 12 a:1", RespErrorKind.Moved)]
    [InlineData("ERR Error running script (call to f_1): @user_script:1: ERR READONLY is what the key is called", RespErrorKind.Err)]
    [InlineData("ERR value -READONLY is no number", RespErrorKind.Err)]
    [InlineData("READONLY You can't write against a read only replica. script: 6d5c, on @user_script:1.", RespErrorKind.ReadOnly)]
    public void An_error_inside_a_script_is_found(string text, RespErrorKind kind)
    {
        RespServerException error = new(text);
        Assert.Equal(kind, error.Kind);
        Assert.Equal(kind == RespErrorKind.Moved ? new RespRedirection(12, "a", 1) : null, error.Redirection);
        Assert.Equal(kind == RespErrorKind.ReadOnly, error.IsReadOnly);
    }
}
