using System.Globalization;
using Sluice.Harness;
using Sluice.Resp;
using Xunit;

namespace Sluice.Tests.Locks;

/// <summary>What a sink does with tokens.</summary>
public sealed class FencingTests(SharedRedisServer shared)
{
    private static readonly FencedScript Append = new("return redis.call('APPEND', KEYS[1], ARGV[1] .. ARGV[2])", "append");

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public void A_register_takes_the_highest_token_seen_and_those_above()
    {
        FencedRegister<string> register = new("begin");
        Assert.Null(register.Fence);
        Assert.True(register.TryWrite(5, "five"));
        Assert.True(register.TryWrite(5, "five again"));
        Assert.False(register.TryWrite(4, "late"));
        Assert.Equal(("five again", 5L), (register.Value, register.Fence));
    }

    // Prevents: a new holder that reads, while the old one may still write between that read and the new holder's first write.
    [Fact]
    public void A_raised_register_refuses_the_old_holder_before_the_new_one_has_written()
    {
        FencedRegister<int> register = new(0);
        Assert.True(register.Raise(2));
        Assert.False(register.TryWrite(1, 1));
        Assert.True(register.TryUpdate(2, 10, static (value, more) => value + more));
        Assert.Equal(10, register.Value);
    }

    [Fact]
    public void An_update_that_throws_leaves_the_value_and_has_shown_the_token()
    {
        FencedRegister<int> register = new(1);
        Assert.Throws<FormatException>(() => register.TryUpdate(3, 0, static (_, _) => throw new FormatException()));
        Assert.Equal((1, 3L), (register.Value, register.Fence));
        Assert.False(register.TryWrite(2, 2));
    }

    // Prevents: a check and a write with room for somebody else between them.
    [Fact]
    public void Among_many_writers_the_highest_token_s_value_stays()
    {
        FencedRegister<long> register = new(0);
        Parallel.For(1, 10_000, token => register.TryWrite(token, token));
        Assert.Equal((9_999L, 9_999L), (register.Value, register.Fence));
    }

    [Fact]
    public async Task A_script_runs_for_the_newest_holder_and_for_no_older_one()
    {
        await using RespClient client = await ConnectAsync();
        (string fence, string key) = Keys();
        Assert.True(await Append.TryRunAsync(client, fence, 7, [key], ["a", "b"], Cancellation));
        Assert.True(await Append.TryRunAsync(client, fence, 7, [key], ["c", "d"], Cancellation));
        Assert.False(await Append.TryRunAsync(client, fence, 6, [key], ["x", "y"], Cancellation));
        Assert.Equal("abcd", await client.Command("GET").Key(key).ToTextAsync(cancellationToken: Cancellation));
        Assert.Equal("7", await client.Command("GET").Key(fence).ToTextAsync(cancellationToken: Cancellation));

        // What a call reads is up to the caller; the refusal tells who was here.
        Assert.Equal(6, await Append.Command(client, fence, 8, key).Write("e").Write("f").ToInt64Async(cancellationToken: Cancellation));
        RespServerException refusal = await Assert.ThrowsAsync<RespServerException>(
            () => Append.Command(client, fence, 1, key).Write("x").Write("y").ToInt64Async(cancellationToken: Cancellation).AsTask());
        Assert.True(FencedScript.IsRefusal(refusal));
        Assert.Contains("token 8", refusal.Message, StringComparison.Ordinal);
    }

    // Prevents: tokens compared as a script's numbers, which are doubles: above 2^53 neighbours are the same.
    [Theory]
    [InlineData(9, 10)]
    [InlineData(9007199254740992, 9007199254740993)]
    [InlineData(999999999999999999, 1000000000000000000)]
    [InlineData(long.MaxValue - 1, long.MaxValue)]
    public async Task A_script_s_fence_tells_neighbours_apart_at_any_size(long lower, long higher)
    {
        await using RespClient client = await ConnectAsync();
        (string fence, string key) = Keys();
        Assert.True(await Append.TryRunAsync(client, fence, lower, [key], ["a", ""], Cancellation));
        Assert.True(await Append.TryRunAsync(client, fence, higher, [key], ["b", ""], Cancellation));
        Assert.False(await Append.TryRunAsync(client, fence, lower, [key], ["c", ""], Cancellation));
        Assert.Equal(higher.ToString(CultureInfo.InvariantCulture), await client.Command("GET").Key(fence).ToTextAsync(cancellationToken: Cancellation));
    }

    // Prevents: a failing script being taken for a refusal, so that its caller believes that it was replaced.
    [Fact]
    public async Task A_script_that_fails_is_no_refusal()
    {
        await using RespClient client = await ConnectAsync();
        (string fence, string key) = Keys();
        FencedScript broken = new("return redis.call('INCR', KEYS[1])");
        await client.Command("SET").Key(key).Write("text").ExecuteAsync(cancellationToken: Cancellation);
        RespServerException failure = await Assert.ThrowsAsync<RespServerException>(() => broken.TryRunAsync(client, fence, 1, [key], [], Cancellation).AsTask());
        Assert.False(FencedScript.IsRefusal(failure));
    }

    [Fact]
    public async Task A_negative_token_is_refused_before_it_is_sent()
    {
        await using RespClient client = await ConnectAsync();
        await Assert.ThrowsAsync<ArgumentOutOfRangeException>(() => Append.TryRunAsync(client, "f", -1, ["k"], [], Cancellation).AsTask());
    }

    private static (string Fence, string Key) Keys()
    {
        string name = SharedRedisServer.NewPrefix();
        return ($"{{{name}}}:fence", $"{{{name}}}");
    }

    private async Task<RespClient> ConnectAsync()
    {
        PrivateRedisServer server = await shared.GetAsync();
        return await RespClient.ConnectAsync(server.Url, Cancellation);
    }
}
