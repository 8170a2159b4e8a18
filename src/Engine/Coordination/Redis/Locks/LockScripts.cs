using Sluice.Resp;

namespace Sluice.Coordination.Redis;

/// <summary>The scripts of the locks: one file per transition, in front of each what it shares with others. Immutable and thread-safe.</summary>
internal sealed class LockScripts
{
    private static readonly string[] Draft = ["prelude", "draft", "granting", "commit"];

    /// <param name="rewrite">Changes the text of every script before it is used; null: nothing. For tests that drive the server's clock, or plant a bug.</param>
    public LockScripts(Func<string, string, string>? rewrite = null)
    {
        Open = Make("open", rewrite);
        Renew = Make("renew", rewrite);
        Acquire = RedisScripts.Make("locks.", "acquire", rewrite, ["head", "acquire-alone", .. Draft]);
        Convert = Make("convert", rewrite);
        Release = RedisScripts.Make("locks.", "release", rewrite, ["head", "release-alone", .. Draft]);
        Close = Make("close", rewrite);
        Participants = Make("participants", rewrite, "listing");
        Revoke = Make("revoke", rewrite);
        Forget = Make("forget", rewrite);
        Survey = Make("survey", rewrite, "listing");
        Handles = RedisScripts.Make("locks.", "handles", rewrite, "head");
        Snapshot = RedisScripts.Make("locks.", "snapshot", rewrite, "head");
    }

    /// <summary>As they are shipped.</summary>
    public static LockScripts Shipped { get; } = new();

    public Script Open { get; }

    public Script Renew { get; }

    public Script Acquire { get; }

    public Script Convert { get; }

    public Script Release { get; }

    public Script Close { get; }

    public Script Participants { get; }

    public Script Revoke { get; }

    public Script Forget { get; }

    public Script Survey { get; }

    public Script Handles { get; }

    public Script Snapshot { get; }

    private static Script Make(string name, Func<string, string, string>? rewrite, params ReadOnlySpan<string> shared) =>
        RedisScripts.Make("locks.", name, rewrite, ["head", .. Draft, .. shared]);
}
