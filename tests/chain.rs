use twisty::chain;
use twisty::prelude::*;

#[test]
fn first() {
    let (resolver, source) = Deferred::<String>::new();
    let name = String::from("x");
    let d = chain! {
        source;
        then |text| { let n: u32 = text.parse()?; println!("{name}"); Ok(n) };
        then |n| n + 1;
        then |n| Deferred::succeed(n);
        then |n: u32| { println!("{name}"); if n == 0 { return 5 } n }
        catch |_: CancelledError| 7;
        catch |why| { println!("{why:?}"); 0 };
        finally |_| drop(name);
    };
    resolver.callback("x21".into());
    assert_eq!(d.into_result().unwrap().ok(), Some(0));
}
