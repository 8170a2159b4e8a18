using System.Buffers.Text;
using System.Collections.Frozen;
using System.Diagnostics;
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

    /// <summary>The word that decides comes as the first argument.</summary>
    Subcommand = 8,

    /// <summary>It blocks when one of its arguments says so.</summary>
    Option = 16,
}

/// <summary>
/// The commands that are more than a question and an answer. On a shared connection one of them would give everybody other people's replies, another database, or another user's rights: they are refused when they
/// are begun, by name.
/// </summary>
/// <remarks>Immutable. Prefixes ask once, when they are made. Scripts and modules that do the like are the caller's.</remarks>
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
        ["XREAD"] = new(ConnectionNeed.Option, "use RespClient.BlockingCommand for XREAD with BLOCK"),
        ["XREADGROUP"] = new(ConnectionNeed.Option, "use RespClient.BlockingCommand for XREADGROUP with BLOCK"),
        ["WAIT"] = new(ConnectionNeed.Blocks, "use RespClient.WaitForReplicasAsync"),
        ["WAITAOF"] = new(ConnectionNeed.Blocks, "use RespClient.WaitForAppendOnlyFileAsync"),
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
        if ((need & ~(served | ConnectionNeed.Subcommand | ConnectionNeed.Option)) != ConnectionNeed.None)
            throw Refusal(name, RuleOf(name));
    }

    /// <summary>The same, of a frame in which arguments decide.</summary>
    /// <exception cref="NotSupportedException">The message names the API that does it.</exception>
    public static void CheckArguments(string name, ReadOnlySpan<byte> frame, ConnectionNeed need, ConnectionNeed served)
    {
        FrameArguments arguments = new(frame);
        arguments.Skip(1);
        if (need == ConnectionNeed.Subcommand)
            CheckSubcommand(arguments);
        else if ((served & ConnectionNeed.Blocks) == ConnectionNeed.None && HasBlockOption(arguments))
            throw Refusal(name, RuleOf(name));
    }

    private static void CheckSubcommand(FrameArguments arguments)
    {
        if (!arguments.TryNext(out ReadOnlySpan<byte> word))
            return;
        foreach (string refused in (ReadOnlySpan<string>)["REPLY", "TRACKING"])
        {
            if (Ascii.EqualsIgnoreCase(word, refused))
                throw Refusal($"CLIENT {refused}", RuleOf($"CLIENT {refused}"));
        }
    }

    /// <summary>Of XREAD and XREADGROUP: options come in any order, those with values before what may be named like one, and the streams last.</summary>
    private static bool HasBlockOption(FrameArguments arguments)
    {
        while (arguments.TryNext(out ReadOnlySpan<byte> word) && !Ascii.EqualsIgnoreCase(word, "STREAMS"))
        {
            if (Ascii.EqualsIgnoreCase(word, "BLOCK"))
                return true;
            if (Ascii.EqualsIgnoreCase(word, "GROUP"))
                arguments.Skip(2);
            else if (Ascii.EqualsIgnoreCase(word, "COUNT"))
                arguments.Skip(1);
        }

        return false;
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

    /// <summary>The words of a frame that this product wrote.</summary>
    private ref struct FrameArguments(ReadOnlySpan<byte> frame)
    {
        // Behind the line with the count.
        private ReadOnlySpan<byte> _rest = frame[(frame.IndexOf((byte)'\n') + 1)..];

        public bool TryNext(out ReadOnlySpan<byte> word)
        {
            word = default;
            if (_rest.IsEmpty)
                return false;
            bool isLength = Utf8Parser.TryParse(_rest[1..], out int length, out int digits);
            Debug.Assert(isLength, "a frame of the product's own");
            int start = 1 + digits + 2;
            word = _rest.Slice(start, length);
            _rest = _rest[(start + length + 2)..];
            return true;
        }

        public void Skip(int words)
        {
            while (words-- > 0 && TryNext(out _))
                continue;
        }
    }
}
