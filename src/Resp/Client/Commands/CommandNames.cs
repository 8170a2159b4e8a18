namespace Sluice.Resp.Client;

/// <summary>The commands that are methods, formatted beforehand.</summary>
internal static class CommandNames
{
    public static readonly RespCommandPrefix Ping = new("PING", 0);
    public static readonly RespCommandPrefix Echo = new("ECHO", 1);
    public static readonly RespCommandPrefix Time = new("TIME", 0);
    // Shared on purpose: a server answers for what the same connection wrote.
    public static readonly RespCommandPrefix Wait = new("WAIT", 2) { Need = ConnectionNeed.None };
    public static readonly RespCommandPrefix WaitAppendOnlyFile = new("WAITAOF", 3) { Need = ConnectionNeed.None };

    public static readonly RespCommandPrefix Get = new("GET", 1);
    public static readonly RespCommandPrefix IncrementBy = new("INCRBY", 2);
    public static readonly RespCommandPrefix HashGet = new("HGET", 2);
    public static readonly RespCommandPrefix HashGetAll = new("HGETALL", 1);
    public static readonly RespCommandPrefix HashSet = new("HSET", 3);
    public static readonly RespCommandPrefix HashDelete = new("HDEL", 2);
    public static readonly RespCommandPrefix HashIncrementBy = new("HINCRBY", 3);
    public static readonly RespCommandPrefix Delete = new("DEL", 1);
    public static readonly RespCommandPrefix Exists = new("EXISTS", 1);
    public static readonly RespCommandPrefix Expire = new("PEXPIRE", 2);
    public static readonly RespCommandPrefix Persist = new("PERSIST", 1);
    public static readonly RespCommandPrefix TimeToLive = new("PTTL", 1);

    public static readonly RespCommandPrefix Set = new("SET", 2);
    public static readonly RespCommandPrefix Publish = new("PUBLISH", 2);
    public static readonly RespCommandPrefix ScriptLoad = new("SCRIPT LOAD", 1);
    public static readonly RespCommandPrefix ClientId = new("CLIENT ID", 0);
}
