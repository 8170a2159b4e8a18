using System.Buffers;
using System.Collections.Immutable;
using System.Text.Json;
using Xunit;

namespace Sluice.Docs.Tests.Snippets.Fields;

[Aggregate("order")]
public partial class Order
{
    [Key] public partial string Id { get; }
    [Count] public partial long Events { get; }
    [Sum(Scale = 2)] public partial decimal Revenue { get; }
    [Diff(Initial = 100)] public partial long Stock { get; }
    [Average] public partial AverageView Size { get; }
    [Last] public partial string? Status { get; }
    [Window(10)] public partial WindowView<string> LastPages { get; }
    [Window(3)] public partial ScoredView<long> Dearest { get; }
    [List(50)] public partial ListView<string> Path { get; }
    [Set(20)] public partial SetView<string> Countries { get; }
    [Distinct] public partial DistinctView Customers { get; }
    [Histogram(0.01)] public partial HistogramView Latency { get; }
    [Map(50, MapOf.Sum)] public partial MapView<string, long> BytesByStatus { get; }
    [Map(50, MapOf.Window, Size = 3)] public partial MapView<string, WindowView<string>> LastPagesByCountry { get; }
}

public sealed record Settings(ImmutableSortedDictionary<string, string> Values) : IOpaqueState<Settings>
{
    public static Settings Empty { get; } = new(ImmutableSortedDictionary<string, string>.Empty);
    public static Settings Merge(Settings earlier, Settings later) => new(earlier.Values.SetItems(later.Values));
    public static MergeOrder Order => MergeOrder.Arrival;
    public static void Write(Settings state, IBufferWriter<byte> output) => output.Write(JsonSerializer.SerializeToUtf8Bytes(state.Values));
    public static Settings Read(ReadOnlySpan<byte> bytes) => new(JsonSerializer.Deserialize<ImmutableSortedDictionary<string, string>>(bytes)!);
}

[Aggregate("configured")]
public partial class Configured
{
    [Key] public partial string Id { get; }

    [Opaque(version: 1)] public partial Settings Latest { get; }
}

/// <summary>The code of docs/fields.md.</summary>
public sealed class FieldsTests
{
    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task An_order()
    {
        await using SluiceEngine engine = await SluiceEngine.StartAsync(new EngineOptions(), Cancellation);
        Aggregator<string, Order, Order.Event> orders = engine.Aggregate(Order.Definition);
        DateTimeOffset at = DateTimeOffset.UnixEpoch.AddDays(20_000);

        orders.TryMerge("4711", new Order.Event
        {
            Revenue = 19.90m,
            Stock = 1,
            Size = 3,
            Status = "paid",
            LastPages = new Stamped<string>("/cart", at),
            Dearest = new Scored<long>(42, 19.90),
            Latency = 0.031,
            BytesByStatus = new("200", 5120),
            LastPagesByCountry = new("de", "/cart"),
        });

        await orders.FlushAsync(Cancellation);
        Order? order = await orders.PeekAsync("4711", Cancellation);
        Assert.Equal((1L, 19.90m, 99L), (order!.Events, order.Revenue, order.Stock));
        Assert.Equal(5120, order.BytesByStatus["200"]);
    }

    [Fact]
    public async Task A_state_of_your_own()
    {
        await using SluiceEngine engine = await SluiceEngine.StartAsync(new EngineOptions(), Cancellation);
        Aggregator<string, Configured, Configured.Event> configured = engine.Aggregate(Configured.Definition);
        configured.TryMerge("a", new Configured.Event { Latest = new Settings(Settings.Empty.Values.Add("theme", "dark")) });
        await configured.FlushAsync(Cancellation);
        Assert.Equal("dark", (await configured.PeekAsync("a", Cancellation))!.Latest.Values["theme"]);
    }
}
