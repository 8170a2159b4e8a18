namespace Sluice.Coordination.Redis;

/// <summary>The least rights that a user of a server needs.</summary>
internal static class AccessRule
{
    /// <summary>What the tools need beside the line: to find namespaces that are not listed, and to purge.</summary>
    public const string ForTools = "+scan +unlink";

    /// <summary>What a user needs beside the line when a <see cref="RedisDogpileStore"/> uses the connection of a region's values: the store's keys and channel, and to be told what changes.</summary>
    public static string ForDogpile(string prefix, string region) =>
        $"~{prefix}:{region}:* &{prefix}:changes +eval +evalsha +script|load +hello +auth +ping +select +client|setname +client|tracking +subscribe +unsubscribe +publish +get +getrange +set +del";

    /// <summary>A line for an ACL file or ACL SETUSER: what the connections themselves call, and what the scripts call.</summary>
    public static string For(string user, string prefix) =>
        $"ACL SETUSER {user} on >... ~{{{prefix}:* ~{AggregateListing.Key(prefix)} &{prefix}:locks:* +eval +evalsha +script|load +wait +info +ping +hello +auth +select +client|setname"
        + " +subscribe +unsubscribe +publish"
        + " +time +hget +hmget +hset +hdel +hlen +hexists +hgetall +hkeys +hrandfield +zadd +zrem +zrange +zrangebyscore +zcard +zscore +zlexcount";
}
