using System.Reflection;
using Xunit;

namespace Sluice.Samples.Tests;

/// <summary>The samples as a reader runs them. Each checks its own totals and says so with its exit status.</summary>
public sealed class ProgramTests
{
    // A sample that does not run, or whose numbers do not add up, teaches the wrong thing.
    [Theory]
    [InlineData("Sluice.Samples.UpdateCache")]
    [InlineData("Sluice.Samples.NsqSession")]
    [InlineData("Sluice.Samples.Dogpile")]
    [InlineData("Sluice.Samples.Locks")]
    [InlineData("Sluice.Samples.References")]
    public async Task It_runs_to_its_end_and_its_totals_are_what_it_promises(string assembly)
    {
        MethodInfo main = Assembly.Load(assembly).EntryPoint!;

        int status = await Task.Run(() => (int)main.Invoke(null, [Array.Empty<string>()])!, TestContext.Current.CancellationToken);

        Assert.Equal(0, status);
    }
}
