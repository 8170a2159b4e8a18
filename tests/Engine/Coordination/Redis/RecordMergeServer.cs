using System.Globalization;
using Sluice.Aggregates;
using Sluice.Coordination.Redis;
using Sluice.Harness;
using Sluice.Resp;
using Xunit;

namespace Sluice.Tests.Coordination.Redis;

/// <summary>The merger in its natural surroundings: the chunk of the scripts in front of a loop over cases, on a server of its own.</summary>
public sealed class RecordMergeServer : IAsyncLifetime
{
    // Arguments are limited by nothing but patience; a reply of a few megabytes is read at once.
    private const int CasesPerCall = 1000;

    private const string Loop = """
        local schema = read_schema(ARGV[1])
        local out, n = {}, 0
        for i = 2, #ARGV, 3 do
          local status, small, large = merge_record(schema, ARGV[i], ARGV[i + 1], ARGV[i + 2])
          out[n + 1], out[n + 2], out[n + 3] = status, small or '', large or ''
          n = n + 3
        end
        return out
        """;

    private static readonly Script Merge = new(WithMerger(Loop), "merge");

    private PrivateRedisServer? _server;
    private RespClient? _client;

    /// <summary>The client; the test is skipped, visibly, where no server is installed.</summary>
    public RespClient Client
    {
        get
        {
            Assert.SkipWhen(_client is null, PrivateRedisServer.Unavailable ?? "");
            return _client!;
        }
    }

    /// <summary>The merger's source, then a script that uses it.</summary>
    public static string WithMerger(string script) => $"{Read("fields")}\n{Read("merge")}\n{script}";

    public async ValueTask InitializeAsync()
    {
        if (PrivateRedisServer.Unavailable is not null)
            return;
        _server = await PrivateRedisServer.StartAsync([], CancellationToken.None);
        _client = await RespClient.ConnectAsync(RespClientOptions.Parse(_server.Url), CancellationToken.None);
    }

    public async ValueTask DisposeAsync()
    {
        if (_client is not null)
            await _client.DisposeAsync();
        if (_server is not null)
            await _server.DisposeAsync();
    }

    internal async Task<MergedRecord[]> MergeAsync(AggregateSchema schema, IReadOnlyList<MergeCase> cases, CancellationToken cancellationToken)
    {
        byte[] descriptor = SchemaDescriptor.For(schema);
        List<MergedRecord> results = [];
        foreach (MergeCase[] chunk in cases.Chunk(CasesPerCall))
            results.AddRange(await SendAsync(descriptor, chunk, cancellationToken));
        return [.. results];
    }

    /// <summary>Microseconds that the server's core spent in calls of scripts since the statistics were reset, and how many there were.</summary>
    internal async Task<(double Microseconds, long Calls)> ScriptTimeAsync(CancellationToken cancellationToken)
    {
        string statistics = await Client.InfoAsync("commandstats", cancellationToken: cancellationToken) ?? "";
        string line = statistics.Split('\n').Single(static line => line.StartsWith("cmdstat_evalsha:", StringComparison.Ordinal));
        Dictionary<string, string> values = line.Trim().Split(':')[1].Split(',').Select(static pair => pair.Split('=')).ToDictionary(static pair => pair[0], static pair => pair[1]);
        return (double.Parse(values["usec"], CultureInfo.InvariantCulture), long.Parse(values["calls"], CultureInfo.InvariantCulture));
    }

    private Task<MergedRecord[]> SendAsync(byte[] descriptor, MergeCase[] cases, CancellationToken cancellationToken)
    {
        RespCommand command = Client.Command(Merge, 0);
        command.Write(descriptor);
        foreach (MergeCase one in cases)
            command.Write(one.Small).Write(one.Large).Write(one.Delta);
        return command.ToAsync(static (ref RespReader reply) => Read(ref reply), TimeSpan.FromMinutes(1), cancellationToken).AsTask();
    }

    private static string Read(string part)
    {
        using Stream source = typeof(SchemaDescriptor).Assembly.GetManifestResourceStream($"Sluice.Scripts.{part}.lua") ?? throw new InvalidOperationException($"{part}.lua is not embedded.");
        using StreamReader reader = new(source);
        return reader.ReadToEnd();
    }

    private static MergedRecord[] Read(ref RespReader reply)
    {
        reply.ThrowIfError();
        MergedRecord[] results = new MergedRecord[reply.Count / 3];
        RespChildren children = reply.Children;
        for (int i = 0; i < results.Length; i++)
        {
            children.MoveNext();
            RecordMergeStatus status = (RecordMergeStatus)children.Current.ReadInt64();
            children.MoveNext();
            byte[] small = children.Current.ToArray() ?? [];
            children.MoveNext();
            results[i] = new MergedRecord(status, small, children.Current.ToArray() ?? []);
        }

        return results;
    }
}
