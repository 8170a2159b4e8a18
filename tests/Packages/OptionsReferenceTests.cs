using System.Text;
using Sluice.Hosting;
using Sluice.Packages.Tests.Listing;
using Sluice.Resp;
using Xunit;

namespace Sluice.Packages.Tests;

public sealed class OptionsReferenceTests
{
    private static readonly string Page = Write();

    // Prevents: a reference that says another default than the code has, or lacks an option.
    [Fact]
    public void The_reference_of_options_is_what_the_code_says()
    {
        string file = Path.Combine(Repository.Root, "docs", "options.md");
        if (Environment.GetEnvironmentVariable("SLUICE_ACCEPT_API") is "1" && Environment.GetEnvironmentVariable("CI") is not "true")
            File.WriteAllText(file, Page);
        Assert.True(File.Exists(file) && string.Equals(File.ReadAllText(file), Page, StringComparison.Ordinal), "docs/options.md is not what the code says. Run `eng/accept-api` and commit the page.");
    }

    // Prevents: an option without a word of explanation.
    [Fact]
    public void Every_option_is_explained() => Assert.DoesNotContain("|  |", Page, StringComparison.Ordinal);

    private static string Write()
    {
        OptionsReference reference = new(typeof(EngineOptions).Assembly, typeof(RespClientOptions).Assembly, typeof(EngineHealthOptions).Assembly);
        StringBuilder page = new(
            """
            # Options

            Generated from the code by `eng/accept-api`: the doc comments, and the defaults that a new object has. [tuning.md](tuning.md) says which of them to turn when.


            """);
        page.Append(reference.Of("The engine", new EngineOptions()));
        page.Append(reference.Of("An aggregate", new AggregateOptions<object>()));
        page.Append(reference.Of("The servers", new RedisOptions()));
        page.Append(reference.Of("A connection to a server", new RespClientOptions()));
        page.Append(reference.Of("Locks of an engine", new EngineLockOptions()));
        page.Append(reference.Of("A lock", new LockOptions()));
        page.Append(reference.Of("References", new ReferenceOptions()));
        page.Append(reference.Of("The dogpile cache", new DogpileCacheOptions()));
        page.Append(reference.Of("A value of the dogpile cache", new DogpileEntryOptions()));
        page.Append(reference.Of("Values on Redis", new RedisDogpileStoreOptions()));
        page.Append(reference.Of("Health checks of a host", new EngineHealthOptions()));
        return page.ToString().TrimEnd('\n') + "\n";
    }
}
