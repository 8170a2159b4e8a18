using Xunit;

namespace Sluice.Resp.Tests.Client;

/// <summary>Functions: libraries that a server keeps by name.</summary>
public sealed class FunctionTests(RedisFixture redis) : ServerTest(redis)
{
    private static readonly FunctionLibrary Library = new("""
        #!lua name=sluicetest
        redis.register_function('sluice_add', function(keys, args) return redis.call('INCRBY', keys[1], args[1]) end)
        """);

    // After a failover to an empty server every call would fail until somebody loads the library by hand.
    [Fact]
    public async Task A_library_that_the_server_does_not_have_is_loaded_by_the_call_that_misses_it()
    {
        await using RespClient client = await ConnectAsync();
        Function add = Library.Function("sluice_add");
        Assert.Equal("sluicetest", Library.Name);
        Task<long>[] calls = [.. Enumerable.Range(0, 50).Select(_ => client.Command(add, 1).Key("function:n").Write(1).ToInt64Async(cancellationToken: Stop).AsTask())];
        Assert.Equal(Enumerable.Range(1, 50).Select(i => (long)i), (await Task.WhenAll(calls)).Order());
        await client.Command("FUNCTION FLUSH").ExecuteAsync(cancellationToken: Stop);
        Assert.Equal(51, await client.Command(add, 1).Key("function:n").Write(1).ToInt64Async(cancellationToken: Stop));
        Assert.Equal("sound", await client.EchoAsync("sound", cancellationToken: Stop));
    }

    [Fact]
    public async Task A_library_that_cannot_be_loaded_is_named_behind_the_call()
    {
        await using RespClient client = await ConnectAsync();
        Function broken = new FunctionLibrary("#!lua name=sluicebroken\nthis is no lua").Function("sluice_broken");
        RespServerException failure = await Assert.ThrowsAsync<RespServerException>(async () => await client.Command(broken, 0).ToInt64Async(cancellationToken: Stop));
        Assert.Contains("Function not found", failure.Message, StringComparison.Ordinal);
        Assert.Contains("compiling", Assert.IsType<RespServerException>(failure.InnerException).Message, StringComparison.Ordinal);
        Assert.Equal("sound", await client.EchoAsync("sound", cancellationToken: Stop));
    }

    [Fact]
    public void Code_without_a_name_is_no_library() => Assert.Throws<ArgumentException>(() => new FunctionLibrary("return 1"));
}
