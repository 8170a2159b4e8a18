using Xunit;

namespace Sluice.Resp.Tests.Client;

/// <summary>Options and URLs.</summary>
public sealed class OptionsTests
{
    [Theory]
    [InlineData("redis://cache", "cache:6379", 0, null, null)]
    [InlineData("redis://", "localhost:6379", 0, null, null)]
    [InlineData("redis://cache:7000/2", "cache:7000", 2, null, null)]
    [InlineData("REDIS://cache/", "cache:6379", 0, null, null)]
    [InlineData("redis://:p%40ss@cache", "cache:6379", 0, null, "p@ss")]
    [InlineData("redis://me:pass@[::1]:7000/1", "[::1]:7000", 1, "me", "pass")]
    [InlineData("redis://me:p@s:s@cache", "cache:6379", 0, "me", "p@s:s")]
    [InlineData("redis://cache?db=4&user=me&password=p%26s", "cache:6379", 4, "me", "p&s")]
    [InlineData("unix:///run/redis.sock?db=5", "unix:/run/redis.sock", 5, null, null)]
    [InlineData("unix://:secret@/run/my%20redis.sock", "unix:/run/my redis.sock", 0, null, "secret")]
    public void A_URL_says_where_and_as_whom(string url, string endpoint, int database, string? user, string? password)
    {
        RespClientOptions options = RespClientOptions.Parse(url);
        Assert.Equal(endpoint, options.Endpoint.ToString());
        Assert.Equal(database, options.Database);
        Assert.Equal((user, password), (options.Credentials?.User, options.Credentials?.Password));
        Assert.Null(options.Tls);
    }

    [Fact]
    public void A_URLs_options_and_TLS_are_taken()
    {
        RespClientOptions options = RespClientOptions.Parse("rediss://cache?name=orders&connections=4&ring=1024&timeout=250&connect_timeout=1500&protocol=2");
        Assert.NotNull(options.Tls);
        Assert.Equal(("orders", 4, 1024), (options.ClientName, options.Connections, options.RingSize));
        Assert.Equal((250, 1500), (options.CommandTimeout.TotalMilliseconds, options.ConnectTimeout.TotalMilliseconds));
        Assert.Equal(RespProtocolPreference.Resp2, options.Protocol);
    }

    // A mistyped URL is printed, logged and pasted into tickets; its password must not be.
    [Theory]
    [InlineData("http://:hunter2@cache")]
    [InlineData("redis://me:hunter2@cache:port")]
    [InlineData("redis://me:hunter2/with@cache")]
    [InlineData("redis://me:hunter2?x@cache")]
    [InlineData("redis://me:a?hunter2=1@cache")]
    [InlineData("redis://me:hunter2@[::1")]
    [InlineData("redis://me:hunter2@cache/zero")]
    [InlineData("redis://me:hunter2@cache:0")]
    [InlineData("redis://me:hunter2@cache?connections=3")]
    [InlineData("unix://me:hunter2@")]
    public void What_is_no_URL_is_refused_without_repeating_the_password(string url)
    {
        Exception failure = Assert.ThrowsAny<Exception>(() => RespClientOptions.Parse(url));
        Assert.True(failure is FormatException or ArgumentException, failure.ToString());
        Assert.DoesNotContain("hunter2", failure.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public void No_text_holds_the_password()
    {
        RespClientOptions options = RespClientOptions.Parse("redis://me:hunter2@cache/1");
        Assert.Equal("cache:6379/1 as me:***", options.ToString());
        Assert.DoesNotContain("hunter2", options.Credentials!.ToString(), StringComparison.Ordinal);
        Exception failure = Assert.ThrowsAny<ArgumentException>(() => (options with { Connections = 3 }).Validate());
        Assert.DoesNotContain("hunter2", failure.ToString(), StringComparison.Ordinal);
    }

    public static TheoryData<string, RespClientOptions> OutOfRange => new()
    {
        { nameof(RespClientOptions.Connections), new() { Connections = 3 } },
        { nameof(RespClientOptions.Connections), new() { Connections = 128 } },
        { nameof(RespClientOptions.RingSize), new() { RingSize = 100 } },
        { nameof(RespClientOptions.CommandTimeout), new() { CommandTimeout = TimeSpan.Zero } },
        { nameof(RespClientOptions.ConnectTimeout), new() { ConnectTimeout = TimeSpan.FromDays(2) } },
        { nameof(RespClientOptions.PeerTimeout), new() { PeerTimeout = TimeSpan.FromMilliseconds(1) } },
        { nameof(RespClientOptions.PingAfter), new() { PingAfter = TimeSpan.FromSeconds(-1) } },
        { nameof(RespClientOptions.BackoffFirst), new() { BackoffFirst = TimeSpan.Zero } },
        { nameof(RespClientOptions.BackoffCap), new() { BackoffCap = TimeSpan.FromMilliseconds(1) } },
        { nameof(RespClientOptions.DialBurst), new() { DialBurst = 0 } },
        { nameof(RespClientOptions.DialsPerSecond), new() { DialsPerSecond = double.NaN } },
        { nameof(RespClientOptions.Database), new() { Database = -1 } },
        { nameof(RespClientOptions.ClientName), new() { ClientName = "with space" } },
        { nameof(RespClientOptions.Credentials), new() { Credentials = new RespCredentials("me", "") } },
        { nameof(RespClientOptions.BacklogCommands), new() { BacklogCommands = -1 } },
        { nameof(RespClientOptions.BacklogBytes), new() { BacklogBytes = -1 } },
        { nameof(RespClientOptions.MaxUnsentBytes), new() { MaxUnsentBytes = 1 } },
        { nameof(RespClientOptions.BlockingConnections), new() { BlockingConnections = -1 } },
        { nameof(RespClientOptions.Protocol), new() { Protocol = (RespProtocolPreference)9 } },
    };

    [Theory]
    [MemberData(nameof(OutOfRange))]
    public void An_option_outside_its_range_is_named_with_value_and_range(string option, RespClientOptions options)
    {
        ArgumentException failure = Assert.ThrowsAny<ArgumentException>(options.Validate);
        Assert.Contains($"RespClientOptions.{option} is ", failure.Message, StringComparison.Ordinal);
        Assert.Contains("must be", failure.Message, StringComparison.Ordinal);
    }
}
