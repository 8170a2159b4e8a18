namespace Sluice.Coordination.Redis;

/// <summary>The least rights that a user of a server needs.</summary>
internal static class AccessRule
{
    /// <summary>The first version that knows CLIENT SETINFO, which is a courtesy.</summary>
    private static readonly Version IntroducesItself = new(7, 2);

    /// <summary>A line for an ACL file or ACL SETUSER: what the connection itself calls, and what the scripts call.</summary>
    /// <param name="user">The user's name.</param>
    /// <param name="prefix">What keeps applications apart.</param>
    /// <param name="version">The server's, which refuses a line that names a command it does not know; null: any.</param>
    public static string For(string user, string prefix, Version? version = null) =>
        $"ACL SETUSER {user} on >... ~{{{prefix}:* ~{AggregateListing.Key(prefix)} +eval +evalsha +script|load +wait +info +ping +hello +auth +select +client|setname +client|id"
        + (version >= IntroducesItself ? " +client|setinfo" : "")
        + " +time +hget +hmget +hset +hdel +hlen +hexists +hgetall +hkeys +hrandfield +zadd +zrem +zrange +zrangebyscore +zcard +zscore";

    /// <summary>What the tools need beside that: to find namespaces that are not listed, and to purge.</summary>
    public const string ForTools = "+scan +unlink";
}
