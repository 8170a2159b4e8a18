using System.Collections.Frozen;
using System.Text;

namespace Sluice.Resp;

/// <summary>What a command asks of the connection that it runs on, beyond one reply and no trace.</summary>
[Flags]
internal enum ConnectionNeed
{
    /// <summary>Nothing: it may share a connection.</summary>
    None = 0,

    /// <summary>It blocks: everybody behind it would wait.</summary>
    Blocks = 1,

    /// <summary>It watches keys: the next transaction of anybody would be affected.</summary>
    Watches = 2,

    /// <summary>It breaks the count of replies, or changes what the client set up: on no connection of the client.</summary>
    Changes = 4,

    /// <summary>The word that decides comes as an argument.</summary>
    Subcommand = 8,
}

/// <summary>
/// The commands that are more than a question and an answer. On a shared connection one of them would give everybody other people's replies, another database, or another user's rights: they are refused when they
/// are begun, by name.
/// </summary>
/// <remarks>Immutable. Prefixes ask once, when they are made. Scripts and modules that do the like are the caller's, and so is XREAD with BLOCK.</remarks>
internal static class ConnectionCommands
{
    private static readonly FrozenDictionary<string, Rule> Rules = new Dictionary<string, Rule>(StringComparer.OrdinalIgnoreCase)
    {
        ["SUBSCRIBE"] = new(ConnectionNeed.Changes, "use RespClient.SubscribeAsync"),
        ["PSUBSCRIBE"] = new(ConnectionNeed.Changes, "use RespClient.SubscribePatternAsync"),
        ["SSUBSCRIBE"] = new(ConnectionNeed.Changes, "use RespClient.SubscribeShardAsync"),
        ["UNSUBSCRIBE"] = new(ConnectionNeed.Changes, "dispose the RespSubscription"),
        ["PUNSUBSCRIBE"] = new(ConnectionNeed.Changes, "dispose the RespSubscription"),
        ["SUNSUBSCRIBE"] = new(ConnectionNeed.Changes, "dispose the RespSubscription"),
        ["MONITOR"] = new(ConnectionNeed.Changes, "its lines are nobody's replies, and this client has no API for it"),
        ["SYNC"] = new(ConnectionNeed.Changes, "this client is no replica"),
        ["PSYNC"] = new(ConnectionNeed.Changes, "this client is no replica"),
        ["MULTI"] = new(ConnectionNeed.Changes, "use RespClient.CreateTransaction or RespWatch.CreateTransaction"),
        ["EXEC"] = new(ConnectionNeed.Changes, "use RespTransaction.ExecuteAsync"),
        ["DISCARD"] = new(ConnectionNeed.Changes, "use RespTransaction.Clear"),
        ["WATCH"] = new(ConnectionNeed.Watches, "use RespClient.WatchAsync"),
        ["UNWATCH"] = new(ConnectionNeed.Watches, "dispose the RespWatch"),
        ["SELECT"] = new(ConnectionNeed.Changes, "use RespClientOptions.Database and a client for each database"),
        ["RESET"] = new(ConnectionNeed.Changes, "it would undo what RespClientOptions ask for"),
        ["HELLO"] = new(ConnectionNeed.Changes, "use RespClientOptions.Protocol, Credentials and ClientName"),
        ["AUTH"] = new(ConnectionNeed.Changes, "use RespClientOptions.Credentials or CredentialsProvider"),
        ["QUIT"] = new(ConnectionNeed.Changes, "use RespClient.CloseAsync"),
        ["CLIENT"] = new(ConnectionNeed.Subcommand, ""),
        ["CLIENT REPLY"] = new(ConnectionNeed.Changes, "replies and commands are matched by counting"),
        ["CLIENT TRACKING"] = new(ConnectionNeed.Changes, "use RespClient.CreateTrackingCache"),
        ["BLPOP"] = new(ConnectionNeed.Blocks, "use RespClient.BlockingPopAsync or BlockingCommand"),
        ["BRPOP"] = Blocks,
        ["BLMOVE"] = Blocks,
        ["BRPOPLPUSH"] = Blocks,
        ["BLMPOP"] = Blocks,
        ["BZPOPMIN"] = Blocks,
        ["BZPOPMAX"] = Blocks,
        ["BZMPOP"] = Blocks,
        ["WAIT"] = new(ConnectionNeed.Blocks, "use RespClient.WaitForReplicasAsync"),
    }.ToFrozenDictionary(StringComparer.OrdinalIgnoreCase);

    private static readonly FrozenDictionary<string, Rule>.AlternateLookup<ReadOnlySpan<char>> BySpan = Rules.GetAlternateLookup<ReadOnlySpan<char>>();

    private static Rule Blocks => new(ConnectionNeed.Blocks, "use RespClient.BlockingCommand");

    /// <summary>What a command needs.</summary>
    /// <param name="name">Its name, and more words behind spaces.</param>
    public static ConnectionNeed NeedOf(ReadOnlySpan<char> name) => RuleOf(name).Need;

    /// <summary>Refuses a command that needs what its connection does not serve.</summary>
    /// <exception cref="NotSupportedException">The message names the API that does it.</exception>
    public static void Check(string name, ConnectionNeed need, ConnectionNeed served)
    {
        if ((need & ~(served | ConnectionNeed.Subcommand)) != ConnectionNeed.None)
            throw Refusal(name, RuleOf(name));
    }

    /// <summary>The same, of a frame whose first argument is the word that decides.</summary>
    /// <exception cref="NotSupportedException">The message names the API that does it.</exception>
    public static void CheckSubcommand(ReadOnlySpan<byte> frame)
    {
        // Lines: count, length, name, length, subcommand.
        Span<Range> lines = stackalloc Range[6];
        if (frame.Split(lines) < 5)
            return;
        ReadOnlySpan<byte> word = frame[lines[4]];
        foreach (string refused in (ReadOnlySpan<string>)["REPLY", "TRACKING"])
        {
            if (Ascii.EqualsIgnoreCase(word, refused))
                throw Refusal($"CLIENT {refused}", RuleOf($"CLIENT {refused}"));
        }
    }

    private static int Split(this ReadOnlySpan<byte> frame, Span<Range> lines)
    {
        int count = 0, at = 0;
        while (count < lines.Length && frame[at..].IndexOf("\r\n"u8) is var length and >= 0)
        {
            lines[count++] = new Range(at, at + length);
            at += length + 2;
        }

        return count;
    }

    private static Rule RuleOf(ReadOnlySpan<char> name)
    {
        name = name.TrimStart(' ');
        int first = name.IndexOf(' ');
        if (!BySpan.TryGetValue(first < 0 ? name : name[..first], out Rule rule))
            return default;
        if (rule.Need != ConnectionNeed.Subcommand || first < 0)
            return rule;
        ReadOnlySpan<char> rest = name[first..].Trim(' ');
        int second = rest.IndexOf(' ');
        if (second >= 0)
            rest = rest[..second];
        // Nothing but spaces behind it: the word is still to come.
        return rest.IsEmpty ? rule : BySpan.TryGetValue($"CLIENT {rest}", out Rule sub) ? sub : default;
    }

    private static NotSupportedException Refusal(string name, Rule rule) =>
        new($"{name} does not run on this connection, because others use it, now or later: {rule.Instead}.");

    private readonly record struct Rule(ConnectionNeed Need, string Instead);
}
