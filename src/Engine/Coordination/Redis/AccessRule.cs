namespace Sluice.Coordination.Redis;

/// <summary>The least rights that a user of a server needs.</summary>
internal static class AccessRule
{
    /// <summary>A line for an ACL file or ACL SETUSER: what the connection itself calls, and what the scripts call.</summary>
    public static string For(string user, string prefix) =>
        $"ACL SETUSER {user} on >... ~{{{prefix}:* +eval +evalsha +script|load +wait +info +ping +hello +auth +select +client|setname"
        + " +time +hget +hmget +hset +hdel +hlen +hexists +hgetall +hrandfield +zadd +zrem +zrange +zrangebyscore +zcard +zscore";
}
