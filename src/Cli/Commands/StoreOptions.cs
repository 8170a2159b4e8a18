using System.CommandLine;
using Sluice.Cli.Arguments;
using Sluice.Cli.Redis;

namespace Sluice.Cli.Commands;

/// <summary>The options of the commands that look at servers.</summary>
internal sealed class StoreOptions
{
    private readonly ToolOption<string?> _redis = ToolOptions.Text("--redis", "URL", $"The servers: redis://[user:password@]host[:port][/database], rediss://, unix://, several with commas [default: ${RedisTarget.Variable}]");
    private readonly ToolOption<string?> _prefix;
    private readonly ToolOption<string?> _aggregate = ToolOptions.Text("--aggregate", "NAME", "Only this aggregate [default: all]");

    /// <param name="whenMissing">The prefix when none is given; null: all.</param>
    public StoreOptions(string? whenMissing = null) =>
        _prefix = ToolOptions.Text("--prefix", "NAME", whenMissing is null ? "Only what has this prefix [default: all prefixes]" : "The application's prefix", whenMissing);

    public void AddTo(Command command)
    {
        command.Add(_redis);
        command.Add(_prefix);
        command.Add(_aggregate);
    }

    public string? Prefix(ParseResult parse) => _prefix.Of(parse) is { } prefix ? PrefixText.Check(prefix) : null;

    public ValueTask<RedisStore> OpenAsync(ParseResult parse, CancellationToken cancellation) => CommandGuard.OpenAsync(_redis.Of(parse), cancellation);

    /// <summary>The namespaces that were asked for.</summary>
    /// <exception cref="ToolFailureException">There are none.</exception>
    public async ValueTask<IReadOnlyList<StoredNamespace>> FindAsync(ParseResult parse, RedisStore store, CancellationToken cancellation)
    {
        string? aggregate = _aggregate.Of(parse);
        IReadOnlyList<StoredNamespace> all = await store.FindAsync(Prefix(parse), cancellation).ConfigureAwait(false);
        IReadOnlyList<StoredNamespace> found = [.. all.Where(space => aggregate is null || space.Aggregate == aggregate)];
        if (found.Count == 0 && all.Count > 0)
            throw new BadArgumentException($"--aggregate '{aggregate}' is not there: there are {string.Join(", ", all.Select(static space => space.Aggregate).Distinct())}");
        return found;
    }
}
