using System.Globalization;
using Npgsql;
using Sluice.Harness;
using Xunit;

namespace Sluice.Samples.Tests.Purchases;

/// <summary>The servers of the purchases, each started by the first test that asks for it. Tests keep apart by names.</summary>
public sealed class PurchaseServers : IAsyncDisposable
{
    private static int _issued;
    private readonly Lock _gate = new();
    private Task<PrivateRedisServer>? _redis;
    private Task<PrivatePostgresServer>? _postgres;
    private Task<PrivateRabbitServer>? _rabbit;

    /// <summary>A name that no other test has.</summary>
    public static string NewName() => string.Create(CultureInfo.InvariantCulture, $"purchases{Interlocked.Increment(ref _issued)}");

    public Task<PrivateRedisServer> RedisAsync()
    {
        Assert.SkipUnless(PrivateRedisServer.Unavailable is null, PrivateRedisServer.Unavailable ?? "");
        lock (_gate)
            return _redis ??= PrivateRedisServer.StartAsync([], CancellationToken.None);
    }

    public Task<PrivateRabbitServer> RabbitAsync()
    {
        Assert.SkipUnless(PrivateRabbitServer.Unavailable is null, PrivateRabbitServer.Unavailable ?? "");
        lock (_gate)
            return _rabbit ??= PrivateRabbitServer.StartAsync(CancellationToken.None);
    }

    /// <summary>The address of a schema of its own.</summary>
    public async Task<string> DatabaseAsync(string name)
    {
        Assert.SkipUnless(PrivatePostgresServer.Unavailable is null, PrivatePostgresServer.Unavailable ?? "");
        Task<PrivatePostgresServer> started;
        lock (_gate)
            started = _postgres ??= PrivatePostgresServer.StartAsync(CancellationToken.None);
        string address = (await started).ConnectionString;
        await using NpgsqlDataSource source = NpgsqlDataSource.Create(address);
        await using NpgsqlCommand schema = source.CreateCommand($"CREATE SCHEMA {name}");
        await schema.ExecuteNonQueryAsync(CancellationToken.None);
        return $"{address};Search Path={name}";
    }

    public async ValueTask DisposeAsync()
    {
        if (_redis is not null)
            await (await _redis).DisposeAsync();
        if (_rabbit is not null)
            await (await _rabbit).DisposeAsync();
        if (_postgres is not null)
            await (await _postgres).DisposeAsync();
    }
}
